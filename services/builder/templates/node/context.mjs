// What a handler gets as its second argument. The interface is that of OpenFaaS's Node.js templates.
export class FunctionContext {
  constructor(callback) {
    this.statusCode = 200
    this.headerValues = {}
    this.cbCalled = 0
    this.cb = callback
  }

  /** Sets the status and returns the context, or, without a value, returns the status. */
  status(statusCode) {
    if (!statusCode) return this.statusCode
    this.statusCode = statusCode
    return this
  }

  /** Sets all headers and returns the context, or, without a value, returns them. */
  headers(values) {
    if (!values) return this.headerValues
    this.headerValues = values
    return this
  }

  succeed(value) {
    this.cbCalled++
    this.cb(undefined, value)
  }

  fail(value) {
    if (Number(this.statusCode) === 200) this.statusCode = 500
    this.cbCalled++
    this.cb(value ?? new Error('the function failed'))
  }
}
