// Everything that is remembered around nodes: port groups, chassis, volumes, VIFs, templates, runbooks, rules; and ports with the rules
// that bind them to these.

import type { Clock, Random } from '../../lib/index.ts';
import type { Store, Tx } from '../../store/index.ts';
import type { Reader } from '../list.ts';
import type { NodeUuid, Port, PortUuid } from '../model.ts';
import { parseNodeUuid, parsePortUuid } from '../model.ts';
import type { Nodes } from '../nodes.ts';
import type { PortInput } from '../ports.ts';
import { type Chassis, createChassis } from './chassis.ts';
import { fail } from './errors.ts';
import { createHardwareRecords, type HardwareRecords } from './hardware.ts';
import { createInspectionRules, type InspectionRule } from './inspection-rules.ts';
import { type Keeper, type KeeperDeps, notFound } from './keeper.ts';
import { checkNewPort, checkPortChange, checkPortRemoval, type PortChanges } from './port-rules.ts';
import { createPortgroups, type Portgroup } from './portgroups.ts';
import { listPortPage, type PortPageQuery } from './ports-list.ts';
import { createRunbooks, type Runbooks } from './runbooks.ts';
import { createTemplates, type DeployTemplate } from './templates.ts';
import { createVifs, type Vifs } from './vifs.ts';
import { createConnectors, createTargets, type VolumeConnector, type VolumeTarget } from './volume.ts';

/** Ports as users make and change them; what finds machines (inspection, boot) writes through nodes.ports. */
export interface PortRecords {
  create(tx: Tx, nodeUuid: NodeUuid, input: PortInput): Promise<Port>;
  /** By UUID, or by name. Throws records.not_found. */
  get(ref: string, on?: Reader): Promise<Port>;
  find(ref: string, on?: Reader): Promise<Port | undefined>;
  list(query: PortPageQuery, on?: Reader): Promise<Port[]>;
  update(tx: Tx, before: Port, changes: PortChanges): Promise<Port>;
  remove(tx: Tx, port: Port): Promise<void>;
}

export interface Records {
  readonly ports: PortRecords;
  readonly portgroups: Keeper<Portgroup>;
  readonly chassis: Keeper<Chassis>;
  readonly connectors: Keeper<VolumeConnector>;
  readonly targets: Keeper<VolumeTarget>;
  readonly vifs: Vifs;
  readonly templates: Keeper<DeployTemplate>;
  readonly runbooks: Runbooks;
  readonly rules: Keeper<InspectionRule>;
  readonly hardware: HardwareRecords;
}

export interface RecordsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly nodes: Nodes;
}

export function createRecords({ store, clock, random, nodes }: RecordsOptions): Records {
  const deps: KeeperDeps = { db: store.db, clock, random, events: store.events };
  const portgroups = createPortgroups(deps);
  return {
    ports: createPortRecords(store.db, nodes),
    portgroups,
    chassis: createChassis(deps),
    connectors: createConnectors(deps),
    targets: createTargets(deps),
    vifs: createVifs({ ...deps, ports: nodes.ports, portgroups }),
    templates: createTemplates(deps),
    runbooks: createRunbooks(deps),
    rules: createInspectionRules(deps),
    hardware: createHardwareRecords({ db: store.db, now: () => clock.now() }),
  };
}

function createPortRecords(db: Reader, { ports }: Nodes): PortRecords {
  const find: PortRecords['find'] = async (ref, on) => {
    const uuid = parsePortUuid(ref);
    const row = (on ?? db).selectFrom('ports').select('uuid');
    const found = await (uuid === undefined ? row.where('name', '=', ref) : row.where('uuid', '=', uuid)).executeTakeFirst();
    return found === undefined ? undefined : ports.get(portUuid(found.uuid), on);
  };
  return {
    find,
    get: async (ref, on) => (await find(ref, on)) ?? notFound({ noun: 'Port' }, ref),
    list: (query, on) => listPortPage(on ?? db, query),
    create: async (tx, nodeUuid, input) => {
      await checkNewPort(tx, nodeUuid, input);
      return ports.add(tx, nodeUuid, input);
    },
    update: async (tx, before, changes) => {
      await checkPortChange(tx, before, changes);
      const { nodeUuid, ...rest } = changes;
      return ports.update(tx, before.uuid, nodeUuid === undefined ? rest : { ...rest, nodeUuid: nodeUuidOf(nodeUuid) });
    },
    remove: async (tx, port) => {
      await checkPortRemoval(tx, port);
      await tx.deleteFrom('vifs').where('port_uuid', '=', port.uuid).execute();
      await ports.remove(tx, port.uuid);
    },
  };
}

function portUuid(text: string): PortUuid {
  return parsePortUuid(text) ?? notFound({ noun: 'Port' }, text);
}

function nodeUuidOf(text: string): NodeUuid {
  const uuid = parseNodeUuid(text);
  if (uuid === undefined) throw fail('records.no_such_reference', { message: `Node ${text.slice(0, 80)} could not be found.` });
  return uuid;
}
