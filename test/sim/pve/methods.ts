// What the Proxmox VE API schema says of the methods that we call: parameters, who may, and where it is answered. Facts taken from
// `apidata.js` of pve-docs (api-viewer), as of Proxmox VE 9.1; each node serves its own at /pve-docs/api-viewer/apidoc.js.

export interface Method {
  readonly method: 'GET' | 'POST';
  /** With {node} where a member's name stands. */
  readonly path: string;
  /** world: without a ticket. all: anybody who is known. Else a privilege, on / or on the node. */
  readonly permission: 'world' | 'all' | { readonly privilege: string; readonly on: '/' | 'node' };
  /** proxyto: the member itself answers, and whoever is asked passes the question on. */
  readonly ofMember: boolean;
  readonly parameters: Readonly<Record<string, { readonly isNeeded?: true; readonly maxLength?: number }>>;
}

const AUDIT_NODE = { privilege: 'Sys.Audit', on: 'node' } as const;

export const METHODS: readonly Method[] = [
  {
    method: 'POST',
    path: '/access/ticket',
    permission: 'world',
    ofMember: false,
    parameters: {
      username: { isNeeded: true, maxLength: 64 },
      password: { isNeeded: true },
      realm: { maxLength: 32 },
      otp: {},
      path: { maxLength: 64 },
      privs: { maxLength: 64 },
      'new-format': {},
      'tfa-challenge': {},
    },
  },
  { method: 'GET', path: '/version', permission: 'all', ofMember: false, parameters: {} },
  { method: 'GET', path: '/cluster/status', permission: { privilege: 'Sys.Audit', on: '/' }, ofMember: false, parameters: {} },
  { method: 'GET', path: '/nodes', permission: 'all', ofMember: false, parameters: {} },
  { method: 'GET', path: '/nodes/{node}/network', permission: 'all', ofMember: true, parameters: { type: {} } },
  { method: 'GET', path: '/nodes/{node}/status', permission: AUDIT_NODE, ofMember: true, parameters: {} },
  { method: 'GET', path: '/nodes/{node}/report', permission: AUDIT_NODE, ofMember: true, parameters: {} },
];
