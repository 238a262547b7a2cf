from channels.routing import URLRouter

sockets = URLRouter([])
