// From the model of a node to what /api shows of it. Pure but for reading the ports of a page.

import type { Static } from 'typebox';
import { isoTime } from '../../lib/index.ts';
import { type HistoryEntry, type Node, type NodeUuid, type Port, verbsFrom } from '../../nodes/index.ts';
import { masked } from '../mask.ts';
import type { HistoryEntry as HistorySchema, NodeDetail, Node as NodeSchema } from '../schemas.ts';
import type { PortService } from '../services.ts';

export async function macsByNode(ports: PortService, nodes: readonly Node[]): Promise<ReadonlyMap<NodeUuid, string[]>> {
  const macs = new Map<NodeUuid, string[]>();
  for (const { nodeUuid, address } of await ports.ofNodes(nodes.map((node) => node.uuid))) {
    const list = macs.get(nodeUuid);
    if (list === undefined) macs.set(nodeUuid, [address]);
    else list.push(address);
  }
  return macs;
}

export function nodeBody(node: Node, macs: readonly string[]): Static<typeof NodeSchema.schema> {
  return {
    uuid: node.uuid,
    name: node.name,
    description: node.description,
    driver: node.driver,
    resourceClass: node.resourceClass,
    provisionState: node.provisionState,
    targetProvisionState: node.targetProvisionState,
    provisionUpdatedAt: time(node.provisionUpdatedAt),
    powerState: node.powerState,
    targetPowerState: node.targetPowerState,
    maintenance: node.maintenance,
    maintenanceReason: node.maintenanceReason,
    fault: node.fault,
    protected: node.protected,
    protectedReason: node.protectedReason,
    ignored: node.ignored,
    observeOnly: node.observeOnly,
    lastError: node.lastError,
    properties: masked(node.properties),
    smbiosUuid: node.smbiosUuid,
    smbiosSerial: node.smbiosSerial,
    macs: [...macs],
    createdAt: isoTime(node.createdAt),
    updatedAt: isoTime(node.updatedAt),
  };
}

export function nodeDetailBody(node: Node, ports: readonly Port[]): Static<typeof NodeDetail.schema> {
  return {
    ...nodeBody(
      node,
      ports.map((port) => port.address),
    ),
    ports: ports.map(portBody),
    driverInfo: masked(node.driverInfo),
    instanceInfo: masked(node.instanceInfo),
    extra: masked(node.extra),
    instanceUuid: node.instanceUuid,
    owner: node.owner,
    lessee: node.lessee,
    inspectionStartedAt: time(node.inspectionStartedAt),
    inspectionFinishedAt: time(node.inspectionFinishedAt),
    permittedVerbs: verbsFrom(node.provisionState),
    version: node.version,
  };
}

export function historyBody(entry: HistoryEntry): Static<typeof HistorySchema.schema> {
  const { uuid, at, event, from, to, who, actor, severity, reason } = entry;
  return { uuid, at: isoTime(at), event, from, to, who, actor, severity, reason };
}

function portBody(port: Port): Static<typeof NodeDetail.schema>['ports'][number] {
  return {
    uuid: port.uuid,
    address: port.address,
    name: port.name,
    pxeEnabled: port.pxeEnabled,
    localLinkConnection: masked(port.localLinkConnection),
    createdAt: isoTime(port.createdAt),
    updatedAt: isoTime(port.updatedAt),
  };
}

function time(ms: number | null): string | null {
  return ms === null ? null : isoTime(ms);
}
