exports.sentence = (...words) => `${words.join(' ')}.`
