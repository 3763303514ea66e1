// Whether what a profile would boot is trusted by a machine's Secure Boot: pure, asked before anything is wiped. A kernel that the chain
// refuses shows only after the old system is gone.

/** Who signed the kernel of an installer or an image; null: nobody, or it is not known. */
export type Signer = 'debian' | 'proxmox' | 'microsoft' | null;

export interface SecureBootAsk {
  /** Null: it was never seen. */
  readonly secureBoot: boolean | null;
  readonly installer: { readonly name: string; readonly signer: Signer };
  /** Keys that an operator has enrolled in this machine's firmware or MOK list. */
  readonly enrolled?: readonly Exclude<Signer, null>[];
}

export type SecureBootVerdict =
  | { readonly allowed: true; readonly reason: string }
  | { readonly allowed: false; readonly reason: string; readonly wayOut: string };

/** The network chain is Debian's shim: it trusts Debian's key, and what the firmware and the MOK list hold. */
const TRUSTED: ReadonlySet<Signer> = new Set(['debian', 'microsoft']);

const WAYS_OUT = 'switch Secure Boot off in its firmware for the installation (the installed system may have it on again)';

export function secureBootVerdict({ secureBoot, installer, enrolled = [] }: SecureBootAsk): SecureBootVerdict {
  if (secureBoot === false) return { allowed: true, reason: 'Secure Boot is off' };
  const { name, signer } = installer;
  if (signer !== null && TRUSTED.has(signer)) return { allowed: true, reason: `${name} is signed by ${signer}, whom shim trusts` };
  if (signer !== null && enrolled.includes(signer))
    return { allowed: true, reason: `${name} is signed by ${signer}, whose key is enrolled` };
  if (secureBoot === null) return { allowed: true, reason: 'it is not known to have Secure Boot on' };
  const by = signer === null ? 'carries no known signature' : `is signed by ${signer}, whom neither the firmware nor Debian's shim trusts`;
  const enrol = signer === null ? '' : `, or enrol the key of ${signer} there (MokManager: mokutil --import on a running system)`;
  return {
    allowed: false,
    reason: `Secure Boot is on, and ${name} ${by}: it would not start, and nothing is wiped for it`,
    wayOut: `${WAYS_OUT}${enrol}.`,
  };
}
