import type { ApiReference, Call, FieldOfCall } from './document.ts'

/** Calls and things as Markdown, without a title. */
export function apiMarkdown({ sections, things }: ApiReference): string {
  return [
    ...sections.map(({ title, calls }) => `## ${title}\n\n${calls.map(callOf).join('\n\n')}`),
    '## What comes back',
    ...things.map(
      ({ name, about, fields }) => `### ${name}\n\n${about === '' ? '' : `${about}\n\n`}${fields.map(shown).join('\n')}`
    )
  ].join('\n\n')
}

function callOf({ method, path, summary, query, body, answer, answerFields }: Call): string {
  const parts = [`### \`${method} ${path}\``, '', `${summary}.`]
  if (query.length > 0) parts.push('', 'Query:', '', ...query.map(itemOf))
  if (body.length > 0) parts.push('', 'Body:', '', ...body.map(itemOf))
  if (answer !== '') parts.push('', `Answers: ${code(answer)}`)
  if (answerFields.length > 0) parts.push('', 'Answers:', '', ...answerFields.map(shown))
  return parts.join('\n')
}

/** What comes back is there, or says that it is null. */
const shown = (field: FieldOfCall) => itemOf({ ...field, isRequired: true })

function itemOf({ name, type, isRequired, about }: FieldOfCall): string {
  return `- \`${name}\` ${code(type)}${isRequired ? '' : ', optional'}${about === '' ? '' : `: ${about}`}`
}

/** Types hold characters that Markdown reads. */
const code = (type: string) => `\`${type}\``
