"""Run a part of the tests again and again: `python scripts/flakes.py 10 [what pytest is given]`.

Without more the browser's. Prints a line for each time, with the end of what pytest said where one
failed, and ends with status 1 if any did.
"""

import subprocess
import sys
import time

BROWSER = ("-m", "browser", "tests/browser")


def once(given: list[str]) -> tuple[float, list[str]]:
    """Run pytest; return the seconds it took and the lines that say what failed."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", *given]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if done.returncode:
        print(done.stdout[-5000:], file=sys.stderr, flush=True)
    if done.returncode and not said:
        said = (done.stdout + done.stderr).strip().splitlines()[-1:]
    return time.monotonic() - start, said


def main(times: int, given: list[str]) -> int:
    """Run pytest so many times and print a table; return the exit status."""
    print(f"{'run':>4} {'seconds':>8}  result", flush=True)
    found = []
    for number in range(1, times + 1):
        seconds, failed = once(given)
        found.append(bool(failed))
        print(f"{number:>4} {seconds:>8.0f}  {'; '.join(failed) or 'passed'}", flush=True)
    print(f"{times - sum(found)} of {times} passed", flush=True)
    return int(any(found))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:] or list(BROWSER)))
