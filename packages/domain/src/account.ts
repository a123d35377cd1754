/** A person as a forge describes them. */
export interface Person {
  /** The forge's numeric id as text; at an OpenID provider the subject. It is who they are: logins and mails go to strangers. */
  forgeUserId: string
  /** Display only. */
  login: string
  name: string | null
}

/** A person who has signed in. `forgeId` and `forgeUserId` are the identity. */
export interface Account extends Person {
  id: string
  /** The forge, or the issuer of an OpenID provider. */
  forgeId: string
  /** Of the whole installation. */
  isAdministrator: boolean
  createdAt: number
  signedInAt: number
}

/** Somebody who is signed in, in one browser. */
export interface Session {
  id: string
  /** null: the administrator by a one-time link, where nobody can sign in otherwise. */
  account: Account | null
  createdAt: number
  /** It ends here when nothing is asked with it until then; put off by being used. */
  idleUntil: number
  /** It ends here whatever is asked. */
  expiresAt: number
}
