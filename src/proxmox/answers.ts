// What Proxmox VE answers, as far as we use it: after the published API schema, checked at run time. Perl's booleans come as 0 and 1.

import { type Static, Type } from 'typebox';

const flag = Type.Union([Type.Boolean(), Type.Integer()]);

export const Version = Type.Object({ version: Type.String(), release: Type.String() });

export const ClusterStatus = Type.Array(
  Type.Object({
    type: Type.String(),
    name: Type.String(),
    id: Type.String(),
    ip: Type.Optional(Type.String()),
    online: Type.Optional(flag),
    local: Type.Optional(flag),
    nodes: Type.Optional(Type.Integer()),
    quorate: Type.Optional(flag),
  }),
);

export const NodeList = Type.Array(Type.Object({ node: Type.String(), status: Type.String() }));

export const NetworkList = Type.Array(
  Type.Object({
    iface: Type.String(),
    type: Type.String(),
    address: Type.Optional(Type.String()),
    address6: Type.Optional(Type.String()),
  }),
);

export const NodeStatus = Type.Object({
  pveversion: Type.Optional(Type.String()),
  memory: Type.Optional(Type.Object({ total: Type.Integer() })),
  cpuinfo: Type.Optional(Type.Object({ cpus: Type.Integer() })),
  'boot-info': Type.Optional(Type.Object({ mode: Type.String(), secureboot: Type.Optional(flag) })),
});

export const Report = Type.String();

export const Ticket = Type.Object({
  ticket: Type.Optional(Type.String()),
  CSRFPreventionToken: Type.Optional(Type.String()),
  username: Type.String(),
  /** The ticket is a challenge: a second factor is asked for. */
  NeedTFA: Type.Optional(flag),
});

export type ClusterStatusEntry = Static<typeof ClusterStatus>[number];
