def polite(word):
    return "%s, please" % word
