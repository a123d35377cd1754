import { testCluster } from '@slipway/testing'
import { openClusterOfOurs } from './cluster-of-ours.fixture.ts'

testCluster("Slipway's own gateway, to another Slipway", () => openClusterOfOurs('one'))
