// The door to Proxmox VE: a client of its API and a shell of root, both of which know a server by its fingerprint. Knows nothing of our nodes.

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
export { type Card, cardsIn } from './report-codec.ts';
export type { Pve, PveMethod, Ran, RootShell, RunOptions } from './seam.ts';
export type { ShellOptions } from './shell/link.ts';
export { type OpenedShell, openShell } from './shell/shell.ts';
export { type SeenCertificate, seeCertificate } from './tls.ts';
