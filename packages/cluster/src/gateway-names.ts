/** How functions call the gateway, as in OpenFaaS. An entry of its own: the gateway reads it too, and is to be small. */
export const gatewayNames = ['gateway', 'gateway.openfaas', 'gateway.openfaas.svc.cluster.local'] as const
