"""GET /time with Flask, for gunicorn."""

import time

from flask import Flask, Response, jsonify

app = Flask(__name__)


@app.get("/time")
def now() -> Response:
    return jsonify(message="Automation for the People", timestamp=int(time.time()))
