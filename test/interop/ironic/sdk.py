# A machine's way through openstacksdk's bare-metal proxy. Arguments: the API's URL, and a user and password for HTTP basic.
# Prints a line for each step that went well; the first that does not ends it with a traceback.
import json
import sys

import openstack
from openstack import exceptions

url, *login = sys.argv[1:]
auth = {'endpoint': url}
if login:
    auth['username'], auth['password'] = login
# Told where the service is: with HTTP basic this SDK does not look for /v1 by itself.
cloud = openstack.connection.Connection(auth_type='http_basic' if login else 'none', auth=auth, baremetal_endpoint_override=url)
api = cloud.baremetal
LIMIT = 120


def done(step, **more):
    print(json.dumps({'step': step, **more}), flush=True)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def refused(error, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except error as refusal:
        return refusal
    raise AssertionError('%s was not refused with %s' % (call.__name__, error.__name__))


def settled(node):
    """Waits until nobody holds the node: a verb ends a moment before its lock does."""
    return api.wait_for_node_reservation(node, timeout=LIMIT)


# What is there.
check('fake-hardware' in [driver.name for driver in api.drivers()], 'no fake-hardware')
driver = api.get_driver('fake-hardware')
check(driver.default_power_interface == 'fake', driver.default_power_interface)
conductors = list(api.conductors())
check(conductors and conductors[0].alive, 'no conductor is alive')
check(api.get_conductor(conductors[0].hostname).hostname == conductors[0].hostname, 'another conductor')
done('service')

chassis = api.create_chassis(description='rack', extra={'row': 7})
chassis = api.update_chassis(chassis, description='row')
check(api.get_chassis(chassis.id).description == 'row', 'the chassis was not changed')
done('chassis')

# A node, its ports and its traits.
node = api.create_node(
    driver='fake-hardware', name='sdk-1', provision_state='enroll', resource_class='sdk', chassis_id=chassis.id,
    properties={'cpus': 4}, extra={'note': 'first'}, driver_info={'ipmi_password': 'secret'},
)
check(node.provision_state == 'enroll' and node.driver_info['ipmi_password'] == '******', node.to_dict())
check(api.find_node('sdk-1').id == node.id, 'not found by its name')
check(api.find_node('nosuch') is None, 'found what is not there')
refused(exceptions.NotFoundException, api.get_node, 'nosuch')
refused(exceptions.ConflictException, api.create_node, driver='fake-hardware', name='sdk-1', provision_state='enroll')
refused(exceptions.BadRequestException, api.create_node, driver='nosuch')
node = api.update_node(node, extra={'note': 'second'}, description='words')
check(api.get_node('sdk-1').extra == {'note': 'second'}, 'not updated')
node = api.patch_node(node, [{'op': 'add', 'path': '/properties/cpu_arch', 'value': 'x86_64'}])
check(node.properties == {'cpus': 4, 'cpu_arch': 'x86_64'}, node.properties)
check([one.id for one in api.nodes(details=True, resource_class='sdk', provision_state='enroll')] == [node.id], 'not in the list')
some = list(api.nodes(fields=['uuid', 'name', 'extra'], resource_class='sdk'))
check(some[0].extra == {'note': 'second'}, 'a list of chosen fields has not this one')
done('node')

port = api.create_port(node_id=node.id, address='52:54:00:5d:00:01', pxe_enabled=False)
refused(exceptions.ConflictException, api.create_port, node_id=node.id, address='52:54:00:5d:00:01')
port = api.update_port(port, pxe_enabled=True)
check([one.address for one in api.ports(node=node.id)] == ['52:54:00:5d:00:01'], 'the port is not listed')
check(list(api.ports(details=True, address='52:54:00:5d:00:01'))[0].is_pxe_enabled is True, 'not updated')
group = api.create_port_group(node_id=node.id, name='sdk-bond', address='52:54:00:5d:00:10')
api.update_port_group(group, extra={'a': 1})
check(api.get_port_group('sdk-bond').extra == {'a': 1}, 'the port group was not changed')
api.delete_port_group(group)
check(api.find_port_group('sdk-bond') is None, 'the port group is still there')
done('ports')

api.set_node_traits(node, ['CUSTOM_GPU', 'CUSTOM_FAST'])
api.remove_node_trait(node, 'CUSTOM_FAST')
api.add_node_trait(node, 'CUSTOM_NVME')
check(sorted(api.get_node(node.id).traits) == ['CUSTOM_GPU', 'CUSTOM_NVME'], 'other traits')
done('traits')

connector = api.create_volume_connector(node_id=node.id, type='iqn', connector_id='iqn.2026-11.x:sdk')
check([one.id for one in api.volume_connectors(node=node.id)] == [connector.id], 'the connector is not listed')
done('volume')

# Enrol, and what managing is.
check(api.validate_node(node, required=('power', 'management'))['power'].result, 'power is not valid')
refused(exceptions.BadRequestException, api.set_node_provision_state, node, 'provide')
node = settled(api.set_node_provision_state(node, 'manage', wait=True, timeout=LIMIT))
check(node.provision_state == 'manageable', node.provision_state)
for target, state in (('power on', 'power on'), ('rebooting', 'power on'), ('power off', 'power off')):
    api.set_node_power_state(node, target, wait=True, timeout=LIMIT)
    node = settled(node)
    check(node.power_state == state, node.power_state)
api.set_node_boot_device(node, 'pxe', persistent=True)
api.set_node_maintenance(node, reason='new fan')
check(api.get_node(node.id).is_maintenance, 'not in maintenance')
api.unset_node_maintenance(node)
check(not api.get_node(node.id).is_maintenance, 'still in maintenance')
done('managing')

api.set_node_provision_state(node, 'inspect')
node = settled(api.wait_for_nodes_provision_state([node], 'manageable', timeout=LIMIT)[0])
steps = [{'interface': 'bios', 'step': 'factory_reset'}]
node = settled(api.set_node_provision_state(node, 'clean', clean_steps=steps, wait=True, timeout=LIMIT))
check(node.provision_state == 'manageable', node.provision_state)
api.set_node_provision_state(node, 'provide')
node = settled(api.wait_for_nodes_provision_state([node], 'available', timeout=LIMIT)[0])
done('available')

# Asked for, deployed, rescued and given back.
none = api.create_allocation(resource_class='nosuch', name='sdk-none')
refused(exceptions.ResourceFailure, api.wait_for_allocation, none, timeout=LIMIT)
check(api.wait_for_allocation(none, timeout=LIMIT, ignore_error=True).state == 'error', 'no error')
api.delete_allocation(none)
wanted = api.create_allocation(resource_class='sdk', traits=['CUSTOM_GPU'], name='sdk-want')
wanted = api.wait_for_allocation(wanted, timeout=LIMIT)
check(wanted.state == 'active' and wanted.node_id == node.id, wanted.to_dict())
wanted = api.update_allocation(wanted, extra={'for': 'me'})
check([one.id for one in api.allocations(node=node.id)] == [wanted.id], 'the allocation is not listed')
node = api.get_node(node.id)
check(node.allocation_id == wanted.id and node.instance_id == wanted.id, node.to_dict())
done('allocation')

node = api.update_node(node, instance_info={'image_source': 'http://images.example/x.img'})
node = settled(api.set_node_provision_state(
    node, 'active', config_drive={'meta_data': {'hostname': 'sdk'}, 'user_data': 'x'}, wait=True, timeout=LIMIT))
check(node.provision_state == 'active', node.provision_state)
api.attach_vif_to_node(node, 'sdk-vif')
api.list_node_vifs(node)
api.detach_vif_from_node(node, 'sdk-vif')
refused(exceptions.BadRequestException, api.set_node_provision_state, node, 'manage')
node = settled(api.set_node_provision_state(node, 'rebuild', wait=True, timeout=LIMIT))
node = settled(api.set_node_provision_state(node, 'rescue', rescue_password='pw', wait=True, timeout=LIMIT))
check(node.provision_state == 'rescue', node.provision_state)
api.set_node_provision_state(node, 'unrescue')
node = settled(api.wait_for_nodes_provision_state([node], 'active', timeout=LIMIT)[0])
check(node.provision_state == 'active', node.provision_state)
done('active')

api.set_node_provision_state(node, 'deleted')
node = settled(api.wait_for_nodes_provision_state([node], 'available', timeout=LIMIT)[0])
check(node.instance_id is None and node.allocation_id is None, node.to_dict())
refused(exceptions.NotFoundException, api.get_allocation, 'sdk-want')
done('deleted')

template = api.create_deploy_template(name='CUSTOM_SDK', steps=[{'interface': 'bios', 'step': 'apply_configuration', 'args': {'settings': []}, 'priority': 150}])
template = api.update_deploy_template(template, extra={'a': 1})
check([one.name for one in api.deploy_templates(details=True) if one.extra == {'a': 1}] == ['CUSTOM_SDK'], 'the template is not listed')
api.delete_deploy_template(template)
refused(exceptions.NotFoundException, api.get_deploy_template, template.id)
done('template')

# Several at a time, and pages.
names = ['sdk-many-%d' % number for number in range(5)]
# The proxy's own default: it takes each new node on to available before it gives it back.
many = [api.create_node(driver='fake-hardware', name=name, resource_class='many') for name in names]
check({one.provision_state for one in many} == {'available'}, 'not available')
for one in many:
    api.set_node_provision_state(one, 'manage')
many = api.wait_for_nodes_provision_state(many, 'manageable', timeout=LIMIT)
check(len(many) == 5, many)
check(len(list(api.nodes(limit=2, resource_class='many'))) == 5, 'pages do not add up')
for one in many:
    api.delete_node(settled(one))
check(list(api.nodes(resource_class='many')) == [], 'some are left')
done('many')

api.delete_volume_connector(connector)
api.delete_port(port)
node = settled(api.set_node_provision_state(node, 'manage', wait=True, timeout=LIMIT))
api.delete_node(node)
api.wait_for_nodes_provision_state([], 'available', timeout=1)
refused(exceptions.NotFoundException, api.get_node, node.id)
api.delete_chassis(chassis)
refused(exceptions.NotFoundException, api.delete_chassis, chassis, ignore_missing=False)
done('gone')
