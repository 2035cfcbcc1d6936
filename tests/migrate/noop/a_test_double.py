from unittest.mock import Mock
import ray
serve = Mock()
serve.create_endpoint('e', backend='b')
