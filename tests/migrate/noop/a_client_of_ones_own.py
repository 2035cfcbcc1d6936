class Ray:
    def create_backend(self, tag, f): pass
serve = Ray()
serve.create_backend('b', len)
