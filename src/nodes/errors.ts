// What can go wrong with a node, as data. Statuses are Ironic's, so that its clients react as they do to Ironic.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const NODE_ERRORS = {
  'nodes.not_found': { status: 404, about: 'No node has this UUID or name.' },
  'nodes.move_refused': { status: 400, about: 'The verb or event is not possible from the state the node is in.' },
  'nodes.wrong_mover': { status: 403, about: 'The move exists, but not for who asked: it is pulled by the system, a timer, or a user.' },
  'nodes.protected': { status: 403, about: 'The node is protected: it is neither deleted, torn down nor rebuilt.' },
  'nodes.in_maintenance': { status: 400, about: 'The node is in maintenance, and what was asked for needs it out of maintenance.' },
  'nodes.ignored': { status: 409, about: 'The node is ignored: it is neither booted nor touched until somebody un-ignores it.' },
  'nodes.manual_clean': { status: 409, about: 'A manual clean ends in manageable, never in available.' },
  'nodes.changed_meanwhile': { status: 409, retryable: true, about: 'Somebody else changed the node between reading and writing it.' },
  'nodes.under_way': { status: 409, retryable: true, about: 'A user may not change a node while it is on its way to another state.' },
  'nodes.not_deletable': { status: 409, about: 'The node is in a state in which it may only be deleted under maintenance.' },
  'nodes.has_instance': {
    status: 409,
    about: 'The node carries an instance: it is not deleted outside of maintenance, and gets no second one.',
  },
  'nodes.wrong_state': { status: 409, about: 'The field may not be changed in the state the node is in.' },
  'nodes.no_such_link': { status: 400, about: 'The chassis or the parent node that was named does not exist.' },
  'nodes.no_history': { status: 404, about: 'The node has no record with this UUID in its history.' },
  'nodes.bad_name': { status: 400, about: 'The name is no valid node name, is reserved, or looks like a UUID.' },
  'nodes.bad_field': { status: 400, about: 'A field has a value it can not have.' },
  'nodes.bad_query': { status: 400, about: 'A list was asked for with a limit, marker or sort key that does not exist.' },
  'nodes.too_large': { status: 413, about: 'A JSON field is larger or deeper than its cap.' },
  'nodes.duplicate_name': { status: 409, about: 'Another node has this name.' },
  'nodes.duplicate_uuid': { status: 409, about: 'Another node or port has this UUID.' },
  'nodes.duplicate_mac': { status: 409, about: 'Another port has this MAC address.' },
  'nodes.duplicate_instance': { status: 409, about: 'Another node carries this instance.' },
  'nodes.bad_mac': { status: 400, about: 'The address is no unicast MAC address.' },
  'nodes.too_many_ports': { status: 409, about: 'The node has as many ports as a node may have.' },
  'nodes.port_not_found': { status: 404, about: 'No port has this UUID or address.' },
  'nodes.damaged_record': {
    status: 500,
    about: 'A stored node holds what no node can hold: a state that does not exist, or JSON that is none.',
  },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(NODE_ERRORS);
