def LiveSessionMiddleware(get_response):
    return get_response
