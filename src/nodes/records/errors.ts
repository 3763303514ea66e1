// What can go wrong with the records around nodes. Statuses and words are Ironic's, so that its clients react as they do to Ironic.

import { defineErrors, type ErrorCatalogue } from '../../lib/index.ts';

export const RECORD_ERRORS = {
  'records.not_found': { status: 404, about: 'No such port group, chassis, volume record, template, runbook or rule.' },
  'records.duplicate': { status: 409, about: 'Another record has this UUID, name, address, identifier or boot index.' },
  'records.not_empty': { status: 400, about: 'A port group with ports, or a chassis with nodes, can not be removed or moved.' },
  'records.bad_value': { status: 400, about: 'A field of a record has a value it can not have.' },
  'records.bad_query': { status: 400, about: 'A list of records was asked for in an order or with a filter that it does not have.' },
  'records.no_such_reference': { status: 400, about: 'A record names a node or port group that does not exist.' },
  'records.too_many': { status: 409, about: 'There are as many records of this kind as are kept.' },
  'records.too_large': { status: 413, about: 'A list in a record (steps, conditions, actions) is larger than its cap.' },
  'records.node_state': { status: 409, about: 'The state of the node does not allow this change of a port or port group.' },
  'records.node_power': { status: 400, about: 'Volume records change only while the node is powered off.' },
  'records.unlike_group': { status: 409, about: 'A port does not fit the port group: another physical network, or no ports of their own.' },
  'records.vif_attached': { status: 409, about: 'The virtual interface is attached already, or the port has one.' },
  'records.vif_not_attached': { status: 400, about: 'The virtual interface is not attached to the node.' },
  'records.no_free_port': { status: 400, about: 'No port of the node is free to attach the virtual interface to.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(RECORD_ERRORS);

export function badValue(message: string, hint = 'Correct the value and send it again.'): Error {
  return fail('records.bad_value', { message, hint });
}
