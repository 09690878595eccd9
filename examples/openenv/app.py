"""A seat of the game as an OpenEnv server: the client speaks in it, a script in the other.

Run in this folder: pip install 'negotiation-env[openenv]' && uvicorn app:app --port 8000
A client: GenericEnvClient(base_url="http://127.0.0.1:8000").sync(), then reset(seed=1) and step({"text": "…"}).
"""

from negotiation_env.interop.openenv_server import seat_app

app = seat_app(opponent="scripted:compromising", judge="embedded", scenarios="train")
