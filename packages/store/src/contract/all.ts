import { accessContract } from './access.ts'
import { accountsContract } from './accounts.ts'
import { admissionContract } from './admission.ts'
import { atRestContract } from './at-rest.ts'
import { automaticDeploysContract } from './automatic-deploys.ts'
import { claimsContract } from './claims.ts'
import { decisionsContract } from './decisions.ts'
import { deliveriesContract } from './deliveries.ts'
import { deploymentsContract } from './deployments.ts'
import { endsContract } from './ends.ts'
import { fencesContract } from './fences.ts'
import { forgeAppsContract } from './forge-apps.ts'
import { functionsContract } from './functions.ts'
import { headsContract } from './heads.ts'
import { lifeContract } from './life.ts'
import { limitsContract } from './limits.ts'
import { notificationsContract } from './notifications.ts'
import { ownerRemovalContract } from './owner-removal.ts'
import { ownerStopsContract } from './owner-stops.ts'
import { peopleContract } from './people.ts'
import { queueLookContract } from './queue-look.ts'
import { recordsContract } from './records.ts'
import { redeployContract } from './redeploy.ts'
import { removalsContract } from './removals.ts'
import { resumeContract } from './resume.ts'
import { retentionContract } from './retention.ts'
import { rollbackContract } from './rollback.ts'
import { schedulesContract } from './schedules.ts'
import { sealedContract } from './sealed-secrets.ts'
import { secretRedeploysContract } from './secret-redeploys.ts'
import { secretUpkeepContract } from './secret-upkeep.ts'
import { secretsContract } from './secrets.ts'
import { servicesContract } from './services.ts'
import { startContract } from './start.ts'
import { staysContract } from './stays.ts'
import type { Subject } from './subject.ts'
import { tokensContract } from './tokens.ts'
import { trafficContract } from './traffic.ts'
import { uploadsContract } from './uploads.ts'
import { variablesContract } from './variables.ts'
import { visibleContract } from './visible.ts'

/** Everything that the port `Store` promises, on one kind of database. */
export function storeContract(subject: Subject): void {
  startContract(subject)
  accountsContract(subject)
  peopleContract(subject)
  ownerStopsContract(subject)
  ownerRemovalContract(subject)
  limitsContract(subject)
  servicesContract(subject)
  schedulesContract(subject)
  deliveriesContract(subject)
  decisionsContract(subject)
  admissionContract(subject)
  queueLookContract(subject)
  claimsContract(subject)
  lifeContract(subject)
  endsContract(subject)
  deploymentsContract(subject)
  functionsContract(subject)
  rollbackContract(subject)
  redeployContract(subject)
  resumeContract(subject)
  variablesContract(subject)
  recordsContract(subject)
  secretsContract(subject)
  secretRedeploysContract(subject)
  sealedContract(subject)
  secretUpkeepContract(subject)
  forgeAppsContract(subject)
  retentionContract(subject)
  trafficContract(subject)
  accessContract(subject)
  notificationsContract(subject)
  headsContract(subject)
  automaticDeploysContract(subject)
  atRestContract(subject)
  removalsContract(subject)
  fencesContract(subject)
  staysContract(subject)
  tokensContract(subject)
  uploadsContract(subject)
  visibleContract(subject)
}
