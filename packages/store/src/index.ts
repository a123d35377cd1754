export { dumpStore } from './dump.ts'
export { type RestoreOptions, restoreStore } from './restore.ts'
export { createStore, type StoreConfig } from './store.ts'
