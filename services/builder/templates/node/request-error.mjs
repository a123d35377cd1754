/** An answer that is the caller's fault. */
export class RequestError extends Error {
  constructor(status, message) {
    super(message)
    this.status = status
  }
}
