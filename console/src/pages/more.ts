/* Every page but the first two, in a file of its own: read when the first one is drawn. */
export { Audit } from './audit';
export { Check } from './check';
export { Decision } from './decision';
export { Identities } from './identities';
export { Peers } from './peers';
export { Settings } from './settings';
export { Tcs } from './tcs';
export { Tighten } from './tighten';
