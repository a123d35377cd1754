/** Addresses of the page's own pages, in one place. */
const part = encodeURIComponent

export const ownerHref = (owner: string, page = '') => `/owners/${part(owner)}${page === '' ? '' : `/${page}`}`
export const buildHref = (id: string) => `/builds/${part(id)}`
export const functionHref = (owner: string, name: string, tab = '') =>
  `${ownerHref(owner, 'functions')}/${part(name)}${tab === '' ? '' : `/${tab}`}`
export const repositoryHref = (owner: string, id: string) => `${ownerHref(owner, 'repositories')}/${part(id)}`
export const limitsHref = (owner: string) => `/admin/owners/${part(owner)}`
export const adminHref = (tab = '') => `/admin${tab === '' ? '' : `/${tab}`}`
