// Wiring of who has a claim on which machine, and of the appliances that share the store. Has no rules of its own.

import type { ApiServices } from './api/index.ts';
import { createConductors } from './conductors/index.ts';
import type { Config } from './config/index.ts';
import type { Clock, Component, Log, Random } from './lib/index.ts';
import type { Lifecycle } from './lifecycle/index.ts';
import type { Node, Nodes } from './nodes/index.ts';
import type { Registry } from './power/index.ts';
import { createAllocations } from './reservations/index.ts';
import type { Store } from './store/index.ts';

export interface ReservationPartsOptions {
  readonly config: Pick<Config, 'server'>;
  readonly store: Store;
  readonly nodes: Nodes;
  readonly lifecycle: Pick<Lifecycle, 'holders'>;
  readonly registry: Pick<Registry, 'hardwareTypes'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface ReservationParts {
  readonly services: Required<Pick<ApiServices, 'allocations' | 'conductors' | 'conductorOf'>>;
  /** In the order in which they start. */
  readonly parts: readonly Component[];
}

export function reservationParts({ config, lifecycle, registry, ...common }: ReservationPartsOptions): ReservationParts {
  const drivers = () => registry.hardwareTypes.map((type) => type.name);
  const conductors = createConductors({ ...common, hostname: config.server.name, drivers });
  const allocations = createAllocations({ ...common, holders: (uuids, on) => lifecycle.holders(uuids, on) });
  const conductorOf = (node: Pick<Node, 'uuid' | 'conductorGroup'>) => conductors.ofNode(node);
  const services = { allocations, conductors, conductorOf };
  return { services, parts: [conductors, allocations] };
}
