export { type ApiDocument, readDocument } from './document.ts'
export { apiMarkdown } from './markdown.ts'
