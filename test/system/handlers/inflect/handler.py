import inflection

from .words import polite


def handle(event, context):
    if event.method != "POST":
        return {"statusCode": 405, "body": "only POST", "headers": {"Allow": "POST"}}
    word = event.body.decode("utf-8")
    return {
        "statusCode": 200,
        "body": {
            "plural": inflection.pluralize(word),
            "polite": polite(word),
            "path": event.path,
            "form": event.query.get("form"),
            "custom": event.headers.get("X-Custom"),
            "host": len(context.hostname) > 0,
        },
        "headers": {"X-Inflection": inflection.__version__},
    }
