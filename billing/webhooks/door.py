class WebhookDoor:
    def __init__(self, otherwise):
        self.otherwise = otherwise

    def __call__(self, environ, start_response):
        return self.otherwise(environ, start_response)
