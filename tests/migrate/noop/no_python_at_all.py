ray serve {% create_backend %}
