import { Readable } from 'node:stream'
import { pack } from 'tar-stream'

/** What a probe build is to take, and whom it is to reach. */
export interface ProbeWish {
  processes: number
  mebibytes: number
  /** Of one processor, in time by the clock. */
  busyMs: number
  /** `<address>:<port>`; `gateway:<port>`: where its own way out leads. */
  targets: readonly string[]
}

/** What it got, as far as it came. */
export interface ProbeTale {
  gateway: string | null
  reached: string[]
  processorMs: number | null
  processes: number | null
  memory: 'not tried' | 'tried' | 'taken'
}

/** In the engine's words, what the program is for. */
export const probeArchitecture = 'amd64'

/** Of build-probe.c, where it stands how it is made. */
const program = Buffer.from(
  [
    'f0VMRgIBAQAAAAAAAAAAAAIAPgABAAAAsABAAAAAAABAAAAAAAAAAPAFAAAAAAAAAAAAAEAAOAACAEAABQAEAAEAAAAHAAAAsAAAAAAAAACwAEAA',
    'AAAAALAAQAAAAAAAHQUAAAAAAAAwJQAAAAAAACAAAAAAAAAAUeV0ZAYAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA',
    'EAAAAAAAAABIiedIg+Tw6AkBAABIif4x0oA8FgB0BUj/wuv1uAEAAABFMdJJg8j/RTHJSInHDwXDSIPsILkWAAAAvgoAAADGRCQfAEiJ+DHSSPf2',
    'g8IwiFQMCEiJ+kiJx0iJyEj/yUiD+gl330iNdCQISJhIjTwG6Jf///9Ig8Qgw1WJ/UAPtv9TuwEAAADopf///79tBUAA6Hb///+NDN0AAAAAie//',
    'w9PvQA+2/+iF////g/sEddtbXcMxwEiLD0CKMY1W0ID6CXcZSGvACkiNUQFIiRcPvhGD6jBIY9JIAdDr2cNIjXQk8Ehj/0Ux0kmDyP9FMcm45AAA',
    'ADHSDwVIi0Qk+L5AQg8ASGlMJPDoAwAASJlI9/5IAcjDQVdJif9Ig8cQQVZBVUFUVVNIg+wg6IX///9JjX8YSYnF6Hn///9JjX8gSYPHKEmJxOhp',
    '////SInFSYsHSIXAD4QmAgAAgDhnSIkEJA+F4AAAADHbRTHSSYPI/0Uxyb+NBUAAuAIAAABIid5IidoPBb7gFUAASInHuv8PAABIidgPBUiJ8kgB',
    '8EyNRCQYSDnCc22AOgp1Y4oKSInXSP/ChMl0BYD5CXXvMdJIjXQkEEiJVCQQSIn6D75KAUj/woTJdCCA+Ql0G4s+wecEgPk5fwWD6TDrBoPpNw++',
    'yQn5iQ7r1UiDxgRJOfB1zIN8JBAAdQiLXCQUhdt1B0j/wuuOMdu/nQVAAOjs/f//id/oU/7//7+LBUAA6Nv9//9IiwQkMdJIicFI/8CAeP86dCmy',
    'AevwRTHAMdtIiefoYP7//0SJwUjT4AnDQYP4GHQSSP8EJEGDwAjr4ITSdARIiQwkSP8EJIXbD4T3AAAASInnRTHSSYPI/0Uxyegi/v//iVwkFL8C',
    'AAAAvgEIAABIicLB4Ahmx0QkEAIASMHqCAnQMdJmiUQkEjHASIlEJBi4KQAAAA8FuhAAAACJRCQISGP4SI10JBDHRCQMBAAAALgqAAAADwVBicZB',
    '996D+I11N0iNfCQIuAcAAAC+AQAAALqQAQAADwVI/8h1HEhjfCQIuCoAAABIjXQkELoQAAAADwVBicZB994x0khjfCQIRTHSSYPI/0UxybgDAAAA',
    'SInWDwVFhfYPlMBBg/5qD5TCCNB1BkGD/m91G7+mBUAA6Kb8//+J3+gN/f//v4sFQADolfz//0mDxwjpzv3//0iF7XRGvwEAAADoT/3//0iNHCi/',
    'AQAAAOhB/f//SDnYcvG/AgAAAOgy/f//v68FQABIicPoU/z//0iJ3+hw/P//v4sFQADoQfz//02F7XRnMdu9OQAAADHSRTHSSYPI/0UxyUiJ6EiJ',
    '10iJ1g8FSIXAeCh1HrsiAAAAMdJFMdJJg8j/RTHJSInYSInXSInWDwXr50j/w0k53XW8v7oFQADo5/v//0iJ3+gE/P//v4sFQADo1fv//02F5HRX',
    'v8UFQADoxvv//0yJ5kG6IgAAADH/SMHmFEmDyP9FMcm4CQAAALoDAAAADwUx0r99BUAASIXAfhpIOfJzEEiNDBBIgcIAEAAAxgEB6+u/bwVAAOh5',
    '+///MdJFMdJJg8j/RTHJuOcAAAC/AQAAAEiJ1g8FSIPEIFtdQVxBXUFeQV/DLgBtZW1vcnkgdGFrZW4KAG1lbW9yeSByZWZ1c2VkCgAvcHJvYy9u',
    'ZXQvcm91dGUAZ2F0ZXdheSAAcmVhY2hlZCAAcHJvY2Vzc29yIABwcm9jZXNzZXMgAG1lbW9yeQoAAC5zaHN0cnRhYgAudGV4dAAucm9kYXRhAC5i',
    'c3MAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAACwAAAAEAAAAGAAAA',
    'AAAAALAAQAAAAAAAsAAAAAAAAAC9BAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAABEAAAABAAAAMgAAAAAAAABtBUAAAAAAAG0FAAAAAAAA',
    'YAAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAAQAAAAAAAAAZAAAACAAAAAMAAAAAAAAA4BVAAAAAAADNBQAAAAAAAAAQAAAAAAAAAAAAAAAAAAAgAAAA',
    'AAAAAAAAAAAAAAAAAQAAAAMAAAAAAAAAAAAAAAAAAAAAAAAAzQUAAAAAAAAeAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAA=='
  ].join(''),
  'base64'
)

/** The build's context: it stands on no image, and needs no program of this machine. */
export function probeContext({ processes, mebibytes, busyMs, targets }: ProbeWish): Readable {
  const run = ['/probe', ...[processes, mebibytes, busyMs].map(String), ...targets]
  const archive = pack()
  archive.entry({ name: 'Dockerfile' }, `FROM scratch\nCOPY probe /probe\nRUN ${JSON.stringify(run)}\n`)
  archive.entry({ name: 'probe', mode: 0o555, mtime: new Date(0) }, program)
  archive.finalize()
  return Readable.from(archive, { objectMode: false })
}

/** @param printed lines of its output */
export function readTale(printed: readonly string[]): ProbeTale {
  const after = (word: string) =>
    printed.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []))
  const numberAfter = (word: string) => after(word).map(Number).at(0) ?? null
  const [gateway = noWay] = after('gateway')
  return {
    gateway: gateway === noWay ? null : gateway,
    reached: after('reached'),
    processorMs: numberAfter('processor'),
    processes: numberAfter('processes'),
    memory: printed.includes('memory taken') ? 'taken' : printed.includes('memory') ? 'tried' : 'not tried'
  }
}

const noWay = '0.0.0.0'
