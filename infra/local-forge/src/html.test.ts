import assert from 'node:assert/strict'
import { test } from 'node:test'
import { html, link } from './html.ts'

test('whatever is put into a page is escaped, in text and in attributes', () => {
  const hostile = `<script>alert("1")</script>&'`
  assert.equal(
    html`<p title="${hostile}">${hostile}</p>`.markup,
    '<p title="&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;">&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&amp;&#39;</p>'
  )
})

test('pieces of pages are put together as they are, nothing is nothing', () => {
  const items = ['<a>', 'b'].map((item) => html`<li>${item}</li>`)
  assert.equal(html`<ul>${items}</ul>${null}${0}`.markup, '<ul><li>&lt;a&gt;</li><li>b</li></ul>0')
})

test('control characters of terminals do not reach the page, line feeds do', () => {
  assert.equal(html`${'a\u001b[31mb\nc'}`.markup, 'a\u{fffd}[31mb\nc')
})

test('only http and our own paths become links', () => {
  assert.equal(
    link('https://example.com/?a=1&b=2', 'x').markup,
    '<a href="https://example.com/?a=1&amp;b=2" rel="noreferrer">x</a>'
  )
  assert.equal(link('/acme/hello', 'x').markup, '<a href="/acme/hello" rel="noreferrer">x</a>')
  for (const address of ['javascript:alert(1)', '//evil.example', 'data:text/html,x', null]) {
    assert.equal(link(address, 'x').markup, 'x')
  }
})
