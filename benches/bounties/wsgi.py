"""The webhook of polyswarm-engine for gunicorn, with its check of signatures, which the bare application leaves out."""
from polyswarm_engine.wsgi import ValidateSenderMiddleware, application as bare

application = ValidateSenderMiddleware(bare)
