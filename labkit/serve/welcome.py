"""What a server says when it is ready: its address, its models and how to ask them."""

from collections.abc import Sequence

from ..errors import listed


def welcome(url: str, names: Sequence[str], *, needs_key: bool) -> str:
    """Return the line that says a server is ready, and two examples.

    Args:
        url: Where it listens, without a path.
        names: Models that can be asked.
        needs_key: Whether every request must bring the key.
    """
    header = ' -H "Authorization: Bearer $LABKIT_API_KEY"' if needs_key else ""
    key = 'os.environ["LABKIT_API_KEY"]' if needs_key else '"none"'
    model = names[0]
    return f"""labkit serves {listed(names, "and")} at {url}/v1 (stop with Ctrl+C).
  curl {url}/v1/chat/completions -H 'Content-Type: application/json'{header} \\
    -d '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'
  client = openai.OpenAI(base_url="{url}/v1", api_key={key})
  turn = {{"role": "user", "content": "Hello"}}
  client.chat.completions.create(model="{model}", messages=[turn])"""
