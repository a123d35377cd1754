export { createStore, type StoreConfig } from './store.ts'
