/** Why a push, or a head that was seen, is not built: nobody asked for it, and the repository's setting says to wait until somebody does. */
export const automaticDeploysOff = 'automatic deploys are off'
