export const greet = (name) => `Good morning, ${name}`
