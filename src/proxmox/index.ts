// The door to Proxmox VE: clients of its API and a shell of root, all of which know a server by its fingerprint. Knows nothing of our nodes.

export {
  type Credentials,
  fingerprintOf,
  isNodeName,
  passwordCredentials,
  proxmoxUrl,
  tokenCredentials,
} from './address-decide.ts';
export type { ClusterStatusEntry } from './answers.ts';
export { createProxmox, type Proxmox, type ProxmoxOptions } from './client.ts';
export { PROXMOX_ERRORS } from './errors.ts';
export { type PveAnswer, type PveRead, readPve } from './pve/answers.ts';
export { pveByShell } from './pve/by-shell.ts';
export { memberFingerprint } from './pve/member-certificate.ts';
export { type OpenedPve, openPve, type PveOptions } from './pve/open.ts';
export { ensureToken, TOKEN_NAME, TOKEN_ROLE, TOKEN_USER, type TokenOptions, type TokenVault } from './pve/token.ts';
export { type Card, cardsIn } from './report-codec.ts';
export type { Pve, PveMethod, Ran, RootShell, RunOptions } from './seam.ts';
export type { ShellOptions } from './shell/link.ts';
export { type OpenedShell, openShell } from './shell/shell.ts';
export { type SeenCertificate, seeCertificate } from './tls.ts';
