export interface TrafficTables {
  traffic_minutes: TrafficTable
  traffic_hours: TrafficTable
  traffic_senders: TrafficSendersTable
}

/** Of one function, calls that ended in the minute or hour that began then. */
export interface TrafficTable {
  owner_id: string
  function_name: string
  at: number
  calls: number
  errors: number
  running: number
  codes_json: string
  latency_json: string
}

/** Up to which batch a gateway's counts are in the tables. */
export interface TrafficSendersTable {
  sender: string
  number: number
  /** Of the last minute that it told of. */
  at: number
}
