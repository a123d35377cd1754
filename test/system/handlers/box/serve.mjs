import { createServer } from 'node:http'

// Ready a while after it listens, and on a path of its own.
const readyAt = Date.now() + 700

createServer((request, response) => {
  if (request.url === '/warm') {
    response.writeHead(Date.now() < readyAt ? 503 : 200).end()
  } else if (request.url === '/') {
    response.end(`own image, user ${process.getuid()}`)
  } else {
    response.writeHead(404).end()
  }
}).listen(8080)
