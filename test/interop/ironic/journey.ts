// One machine's way through the `baremetal` command line, from nothing to active, deleted and back, with everything around it: data.
// It was written with Debian's Ironic as the other side; what it expects is what Ironic did, where nothing else is said.

/** What a command printed with `-f json`: the parts that must be so. */
export type Shape = Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[];

export interface Turn {
  /** Words after `baremetal`, split at spaces; 'single quotes' keep words together. {x} is what an earlier turn kept as x. */
  readonly run: string;
  /** 0 unless told. */
  readonly exit?: number;
  /** What its output must hold, wherever it was printed. */
  readonly says?: readonly string[];
  /** With -f json: parts of what was printed; of a list, of each row in turn. */
  readonly shows?: Shape;
  /** With -f json of a list: how many rows. */
  readonly rows?: number;
  /** Column of the JSON that is kept, by the name to keep it under. */
  readonly keep?: Readonly<Record<string, string>>;
  /** Asked again until it is as expected: what went before goes on in the background. */
  readonly until?: true;
}

export interface Chapter {
  readonly title: string;
  readonly turns: readonly Turn[];
}

/** Values a run is given: {configdrive} is a path, {tag} makes names unique. */
export const GIVEN = ['resources', 'tag'] as const;

const NODE = '11111111-2222-4333-8444-{tag}';
const STEP = `'[{"interface": "bios", "step": "factory_reset"}]'`;

export const JOURNEY: readonly Chapter[] = [
  {
    title: 'what the service has',
    turns: [
      { run: 'driver list -f json', says: ['fake-hardware'] },
      { run: 'driver list --long -f json', says: ['fake-hardware', 'dynamic'] },
      { run: 'driver show fake-hardware -f json', shows: { name: 'fake-hardware', type: 'dynamic', default_power_interface: 'fake' } },
      { run: 'driver show nosuch', exit: 1, says: ['HTTP 404'] },
      { run: 'driver property list fake-hardware -f json' },
      { run: 'driver raid property list fake-hardware -f json' },
      { run: 'driver passthru list fake-hardware' },
      { run: 'conductor list -f json', shows: [{ Alive: true }], keep: { conductor: 'Hostname' } },
      { run: 'conductor list --long -f json', says: ['fake-hardware'] },
      { run: 'conductor show {conductor} -f json', shows: { alive: true }, says: ['fake-hardware'] },
      { run: 'conductor show nosuch', exit: 1, says: ['HTTP 404'] },
    ],
  },
  {
    title: 'chassis',
    turns: [
      {
        run: 'chassis create --description Rack --extra row=7 -f json',
        shows: { description: 'Rack', extra: { row: 7 } },
        keep: { chassis: 'uuid' },
      },
      { run: 'chassis list -f json', says: ['{chassis}', 'Rack'] },
      { run: 'chassis list --long -f json', says: ['{chassis}'] },
      { run: 'chassis set --description Row --extra side=left {chassis}' },
      { run: 'chassis unset --extra row {chassis}' },
      { run: 'chassis show {chassis} -f json', shows: { description: 'Row', extra: { side: 'left' } } },
      { run: 'chassis show 00000000-0000-4000-8000-000000000000', exit: 1, says: ['HTTP 404'] },
    ],
  },
  {
    title: 'a node',
    turns: [
      {
        run: `node create --driver fake-hardware --name j1-{tag} --uuid ${NODE} --chassis-uuid {chassis} --resource-class jbaremetal-{tag} --property cpus=4 --property memory_mb=8192 --extra note=first --driver-info ipmi_password=secret -f json`,
        shows: {
          uuid: NODE,
          name: 'j1-{tag}',
          provision_state: 'enroll',
          driver: 'fake-hardware',
          power_state: null,
          resource_class: 'jbaremetal-{tag}',
          properties: { cpus: 4, memory_mb: 8192 },
          driver_info: { ipmi_password: '******' },
          power_interface: 'fake',
          network_interface: 'noop',
          traits: [],
        },
        keep: { node: 'uuid' },
      },
      { run: `node set --owner lab-{tag} --description 'a first machine' {node}` },
      { run: 'node create --driver fake-hardware --name j1-{tag}', exit: 1, says: ['HTTP 409'] },
      { run: 'node create --driver nosuch --name j9-{tag}', exit: 1, says: ['HTTP 400'] },
      { run: 'node create --driver fake-hardware --power-interface nosuch', exit: 1, says: ['HTTP 400'] },
      { run: `node create --driver fake-hardware --name 'not a name'`, exit: 1, says: ['HTTP 400'] },
      {
        run: 'node show j1-{tag} -f json',
        shows: { uuid: '{node}', chassis_uuid: '{chassis}', owner: 'lab-{tag}', description: 'a first machine' },
      },
      { run: 'node show {node} --fields name provision_state -f json', shows: { name: 'j1-{tag}', provision_state: 'enroll' } },
      { run: 'node show j1-{tag} --fields nosuch', exit: 2 },
      { run: 'node show nosuch', exit: 1, says: ['nosuch could not be found', 'HTTP 404'] },
      { run: 'node set --property cpu_arch=x86_64 --extra more=1 --name j2-{tag} --instance-info image_source=http://x/y j1-{tag}' },
      { run: 'node set --lessee guest-{tag} --conductor-group "" j2-{tag}' },
      { run: 'node unset --extra more --property cpus --lessee j2-{tag}' },
      {
        run: 'node show j2-{tag} -f json',
        shows: { name: 'j2-{tag}', extra: { note: 'first' }, properties: { cpu_arch: 'x86_64', memory_mb: 8192 }, lessee: null },
      },
      { run: 'node unset --extra nosuch j2-{tag}', exit: 1, says: ['HTTP 400'] },
      { run: 'node set --driver nosuch j2-{tag}', exit: 1, says: ['HTTP 400'] },
      { run: 'node set --name j1-{tag} {node}' },
      { run: 'node create --driver fake-hardware --name k1-{tag} --resource-class other-{tag} -f json', keep: { second: 'uuid' } },
    ],
  },
  {
    title: 'lists of nodes',
    turns: [
      {
        run: 'node list --resource-class jbaremetal-{tag} -f json',
        rows: 1,
        shows: [{ UUID: '{node}', Name: 'j1-{tag}', 'Provisioning State': 'enroll' }],
      },
      { run: 'node list --long --owner lab-{tag} -f json', rows: 1 },
      { run: 'node list --fields uuid driver resource_class --resource-class other-{tag} -f json', shows: [{ Driver: 'fake-hardware' }] },
      { run: 'node list --chassis {chassis} -f json', rows: 1 },
      { run: 'node list --lessee nobody-{tag} -f json', rows: 0 },
      {
        run: 'node list --driver fake-hardware --provision-state enroll --unassociated --no-maintenance --no-retired --owner lab-{tag} -f json',
        rows: 1,
      },
      { run: 'node list --maintenance --owner lab-{tag} -f json', rows: 0 },
      { run: 'node list --associated --owner lab-{tag} -f json', rows: 0 },
      { run: `node list --fault 'power failure' -f json`, rows: 0 },
      { run: 'node list --conductor {conductor} --resource-class other-{tag} -f json', rows: 1 },
      { run: `node list --conductor-group '' --resource-class other-{tag} -f json`, rows: 1 },
      { run: 'node list --limit 1 --sort name:asc -f json', rows: 1 },
      { run: 'node list --marker {node} --sort name:asc -f json', says: ['k1-{tag}'] },
      { run: 'node list --sort nosuch', exit: 1 },
      { run: 'node list --marker 00000000-0000-4000-8000-000000000000', exit: 1, says: ['HTTP 404'] },
    ],
  },
  {
    title: 'ports and port groups',
    turns: [
      {
        run: 'port create 52:54:00:{mac}:01 --node {node} --extra cable=red --physical-network rack -l switch_id=0a:1b:2c:3d:4e:5f -l port_id=Eth1 -l switch_info=sw -f json',
        shows: { address: '52:54:00:{mac}:01', node_uuid: '{node}', pxe_enabled: true, physical_network: 'rack', extra: { cable: 'red' } },
        keep: { port: 'uuid' },
      },
      { run: 'port create 52:54:00:{mac}:01 --node {node}', exit: 1, says: ['HTTP 409'] },
      { run: 'port create not-a-mac --node {node}', exit: 1, says: ['HTTP 400'] },
      {
        run: 'port create 52:54:00:{mac}:02 --node {node} --pxe-enabled false -f json',
        shows: { pxe_enabled: false },
        keep: { port2: 'uuid' },
      },
      { run: 'port list --node {node} -f json', rows: 2 },
      { run: 'port list --node {node} --long -f json', rows: 2 },
      { run: 'port list --address 52:54:00:{mac}:01 -f json', rows: 1, shows: [{ UUID: '{port}' }] },
      { run: 'port list --fields uuid address pxe_enabled --node j1-{tag} -f json', rows: 2 },
      { run: 'port set --extra cable=blue --pxe-disabled {port}' },
      { run: 'port unset --physical-network {port}' },
      { run: 'port show {port} -f json', shows: { extra: { cable: 'blue' }, pxe_enabled: false, physical_network: null } },
      { run: 'port show --address 52:54:00:{mac}:02 -f json', shows: { uuid: '{port2}' } },
      {
        run: 'port group create --node {node} --name bond-{tag} --address 52:54:00:{mac}:10 --mode 802.3ad --property miimon=100 -f json',
        shows: { mode: '802.3ad' },
        keep: { group: 'uuid' },
      },
      { run: 'port group list --node {node} -f json', rows: 1 },
      { run: 'port group set --mode active-backup --extra a=1 bond-{tag}' },
      { run: 'port group unset --extra a bond-{tag}' },
      {
        run: 'port group show bond-{tag} -f json',
        shows: { uuid: '{group}', mode: 'active-backup', extra: {}, properties: { miimon: 100 } },
      },
      { run: 'port set --port-group {group} {port}' },
      { run: 'port list --port-group bond-{tag} -f json', rows: 1 },
      { run: 'port group delete bond-{tag}', exit: 1, says: ['HTTP 400'] },
      { run: 'port unset --port-group {port}' },
      { run: 'port group delete bond-{tag}', says: ['Deleted port group bond-{tag}'] },
    ],
  },
  {
    title: 'volumes',
    turns: [
      {
        run: 'volume connector create --node {node} --type iqn --connector-id iqn.2026-11.org.x:{tag} -f json',
        shows: { type: 'iqn' },
        keep: { connector: 'uuid' },
      },
      { run: 'volume connector list --node {node} -f json', rows: 1 },
      { run: 'volume connector set --extra a=1 {connector}', exit: 1, says: ['HTTP 400'] },
      { run: 'volume connector show {connector} -f json', shows: { node_uuid: '{node}' } },
      {
        run: 'volume target create --node {node} --type iscsi --boot-index 0 --volume-id vol-{tag} --property target_lun=0 -f json',
        shows: { volume_type: 'iscsi', boot_index: 0, properties: { target_lun: 0 } },
        keep: { target: 'uuid' },
      },
      { run: 'volume target list --node {node} --long -f json', rows: 1 },
      { run: 'volume target show {target} -f json', shows: { volume_id: 'vol-{tag}' } },
    ],
  },
  {
    title: 'traits',
    turns: [
      { run: 'node add trait j1-{tag} CUSTOM_GPU HW_CPU_X86_VMX', says: ['CUSTOM_GPU'] },
      { run: 'node add trait j1-{tag} custom-lowercase', exit: 1, says: ['HTTP 400'] },
      { run: 'node trait list j1-{tag} -f json', rows: 2 },
      { run: 'node remove trait j1-{tag} HW_CPU_X86_VMX' },
      { run: 'node remove trait j1-{tag} CUSTOM_NOSUCH', exit: 1, says: ['HTTP 404'] },
      { run: 'node show j1-{tag} --fields traits -f json', shows: { traits: ['CUSTOM_GPU'] } },
    ],
  },
  {
    title: 'enroll to manageable, and managing',
    turns: [
      { run: 'node validate j1-{tag} -f json', says: ['"Interface": "power"'] },
      { run: 'node provide j1-{tag}', exit: 1, says: ['HTTP 400', 'enroll'] },
      { run: 'node manage j1-{tag} --wait 60' },
      {
        run: 'node show j1-{tag} -f json',
        shows: { provision_state: 'manageable', target_provision_state: null, last_error: null, reservation: null },
        until: true,
      },
      { run: 'node power on j1-{tag}' },
      { run: 'node show j1-{tag} -f json', shows: { power_state: 'power on', target_power_state: null, reservation: null }, until: true },
      { run: 'node reboot j1-{tag}' },
      { run: 'node show j1-{tag} -f json', shows: { power_state: 'power on', target_power_state: null, reservation: null }, until: true },
      { run: 'node reboot j1-{tag} --soft --power-timeout 60' },
      { run: 'node show j1-{tag} -f json', shows: { power_state: 'power on', target_power_state: null, reservation: null }, until: true },
      { run: 'node power off j1-{tag} --soft --power-timeout 60' },
      { run: 'node show j1-{tag} -f json', shows: { power_state: 'power off', target_power_state: null, reservation: null }, until: true },
      { run: 'node boot device set j1-{tag} pxe --persistent' },
      { run: 'node boot device show j1-{tag} -f json', says: ['"boot_device": "pxe"'] },
      { run: 'node boot device show j1-{tag} --supported -f json', says: ['pxe'] },
      { run: 'node boot device set j1-{tag} floppy-disk', exit: 2 },
      { run: 'node inject nmi j1-{tag}' },
      // Ironic's own fake-hardware can do neither these nor the NMI; ours can.
      { run: 'node boot mode set j1-{tag} uefi' },
      { run: 'node show j1-{tag} -f json', shows: { boot_mode: 'uefi', reservation: null }, until: true },
      { run: 'node secure boot on j1-{tag}' },
      { run: 'node show j1-{tag} -f json', shows: { secure_boot: true, reservation: null }, until: true },
      { run: 'node secure boot off j1-{tag}' },
      { run: 'node show j1-{tag} -f json', shows: { secure_boot: false, reservation: null }, until: true },
      { run: 'node console enable j1-{tag}' },
      { run: 'node console show j1-{tag} -f json', shows: { console_enabled: true }, until: true },
      { run: 'node console disable j1-{tag}' },
      { run: 'node console show j1-{tag} -f json', shows: { console_enabled: false }, until: true },
      { run: `node maintenance set j1-{tag} --reason 'new fan'` },
      { run: 'node show j1-{tag} -f json', shows: { maintenance: true, maintenance_reason: 'new fan' } },
      { run: 'node list --maintenance --owner lab-{tag} -f json', rows: 1 },
      { run: 'node maintenance unset j1-{tag}' },
      { run: 'node show j1-{tag} -f json', shows: { maintenance: false, maintenance_reason: null } },
      { run: 'node bios setting list j1-{tag} -f json' },
      { run: 'node bios setting show j1-{tag} nosuch', exit: 1, says: ['HTTP 404'] },
      { run: 'node passthru list j1-{tag}', says: ['second_method'] },
      { run: 'node passthru call --http-method POST --arg bar=kazoo j1-{tag} second_method' },
      { run: 'volume target delete {target}', says: ['Deleted volume target'] },
      { run: 'volume connector set --extra a=1 {connector}' },
      { run: 'volume connector unset --extra a {connector}' },
      { run: 'volume connector delete {connector}', says: ['Deleted volume connector'] },
    ],
  },
  {
    title: 'inspection and cleaning',
    turns: [
      { run: 'node inspect j1-{tag}' },
      { run: 'node show j1-{tag} -f json', shows: { provision_state: 'manageable', last_error: null, reservation: null }, until: true },
      { run: `node clean j1-{tag} --clean-steps ${STEP} --wait 60` },
      { run: 'node show j1-{tag} -f json', shows: { provision_state: 'manageable', clean_step: {}, reservation: null }, until: true },
      { run: `node clean j1-{tag} --clean-steps '[{"interface": "deploy", "step": "nosuch"}]' --wait 60`, exit: 1, says: ['clean failed'] },
      { run: 'node show j1-{tag} -f json', shows: { provision_state: 'clean failed', reservation: null }, until: true },
      { run: 'node maintenance unset j1-{tag}' },
      { run: 'node manage j1-{tag}' },
      { run: 'node show j1-{tag} -f json', shows: { provision_state: 'manageable', reservation: null }, until: true },
      { run: 'node adopt nosuch', exit: 1, says: ['HTTP 404'] },
      { run: 'node provide j1-{tag} --wait 60' },
      { run: 'node show j1-{tag} -f json', shows: { provision_state: 'available', reservation: null }, until: true },
    ],
  },
  {
    title: 'deploy templates',
    turns: [
      {
        run: `deploy template create CUSTOM_FAST_{tag} --steps '[{"interface": "bios", "step": "apply_configuration", "args": {"settings": []}, "priority": 150}]' --extra a=1 -f json`,
        shows: { name: 'CUSTOM_FAST_{tag}', extra: { a: 1 } },
        keep: { template: 'uuid' },
      },
      {
        run: `deploy template create CUSTOM_FAST_{tag} --steps '[{"interface": "bios", "step": "a", "args": {}, "priority": 10}]'`,
        exit: 1,
        says: ['HTTP 409'],
      },
      {
        run: `deploy template create lowercase --steps '[{"interface": "bios", "step": "a", "args": {}, "priority": 10}]'`,
        exit: 1,
        says: ['HTTP 400'],
      },
      { run: 'deploy template list -f json', says: ['CUSTOM_FAST_{tag}'] },
      { run: 'deploy template list --long -f json', says: ['apply_configuration'] },
      { run: 'deploy template set --extra b=2 CUSTOM_FAST_{tag}' },
      { run: 'deploy template unset --extra a CUSTOM_FAST_{tag}' },
      { run: 'deploy template show {template} -f json', shows: { name: 'CUSTOM_FAST_{tag}', extra: { b: 2 } } },
      { run: 'deploy template delete CUSTOM_FAST_{tag}', says: ['Deleted deploy template'] },
    ],
  },
  {
    title: 'an allocation, and what it was made for',
    turns: [
      { run: 'allocation create --resource-class nosuch-{tag} --name none-{tag} --wait 60', exit: 1, says: ['no available nodes'] },
      { run: 'allocation show none-{tag} -f json', shows: { state: 'error', node_uuid: null } },
      { run: 'allocation delete none-{tag}', says: ['Deleted allocation none-{tag}'] },
      {
        run: 'allocation create --resource-class jbaremetal-{tag} --trait CUSTOM_GPU --candidate-node j1-{tag} --name want-{tag} --extra for=me --wait 60 -f json',
        shows: {
          name: 'want-{tag}',
          resource_class: 'jbaremetal-{tag}',
          traits: ['CUSTOM_GPU'],
          candidate_nodes: ['{node}'],
          extra: { for: 'me' },
        },
        keep: { allocation: 'uuid' },
      },
      { run: 'allocation show want-{tag} -f json', shows: { state: 'active', node_uuid: '{node}', uuid: '{allocation}' } },
      { run: 'allocation list --resource-class jbaremetal-{tag} -f json', rows: 1 },
      { run: 'allocation list --resource-class jbaremetal-{tag} --state active -f json', rows: 1 },
      { run: 'allocation list --node j1-{tag} --long -f json', rows: 1 },
      { run: 'allocation set --name got-{tag} --extra more=1 want-{tag}' },
      { run: 'allocation unset --extra more got-{tag}' },
      { run: 'allocation show got-{tag} -f json', shows: { name: 'got-{tag}', extra: { for: 'me' } } },
      { run: 'node show j1-{tag} -f json', shows: { allocation_uuid: '{allocation}', instance_uuid: '{allocation}' } },
      { run: 'node list --associated --owner lab-{tag} -f json', rows: 1 },
      { run: 'node delete j1-{tag}', exit: 1, says: ['HTTP 409'] },
    ],
  },
  {
    title: 'deploy, rebuild, rescue, undeploy',
    turns: [
      { run: `node deploy j1-{tag} --config-drive '{"meta_data": {"hostname": "j1"}, "user_data": "x"}' --wait 60` },
      {
        run: 'node show j1-{tag} -f json',
        shows: { provision_state: 'active', target_provision_state: null, deploy_step: {}, reservation: null },
        until: true,
      },
      { run: 'node deploy j1-{tag}', exit: 1, says: ['HTTP 400'] },
      { run: 'node abort j1-{tag}', exit: 1, says: ['HTTP 400'] },
      { run: 'node vif attach j1-{tag} vif-{tag}' },
      { run: 'node vif attach j1-{tag} vif-{tag}' },
      { run: 'node vif list j1-{tag} -f json' },
      { run: 'node vif detach j1-{tag} vif-{tag}' },
      { run: 'allocation delete got-{tag}', exit: 1, says: ['HTTP 409'] },
      { run: `node set --protected --protected-reason 'holds data' j1-{tag}` },
      { run: 'node undeploy j1-{tag}', exit: 1, says: ['HTTP 403'] },
      { run: 'node rebuild j1-{tag}', exit: 1, says: ['HTTP 403'] },
      { run: 'node unset --protected j1-{tag}' },
      { run: 'node show j1-{tag} -f json', shows: { protected: false, protected_reason: null } },
      { run: 'node rebuild j1-{tag}' },
      { run: 'node show j1-{tag} -f json', shows: { provision_state: 'active', reservation: null }, until: true },
      { run: 'node rescue j1-{tag} --rescue-password pw' },
      { run: 'node show j1-{tag} -f json', shows: { provision_state: 'rescue', reservation: null }, until: true },
      { run: 'node unrescue j1-{tag}' },
      { run: 'node show j1-{tag} -f json', shows: { provision_state: 'active', reservation: null }, until: true },
      { run: 'node set --retired --retired-reason old j1-{tag}' },
      { run: 'node list --retired --owner lab-{tag} -f json', rows: 1 },
      { run: 'node unset --retired j1-{tag}' },
      { run: 'node undeploy j1-{tag} --wait 60' },
      {
        run: 'node show j1-{tag} -f json',
        shows: { provision_state: 'available', instance_uuid: null, instance_info: {}, allocation_uuid: null, reservation: null },
        until: true,
      },
      { run: 'allocation show got-{tag}', exit: 1, says: ['HTTP 404'] },
    ],
  },
  {
    title: 'a second machine that already runs is taken over',
    turns: [
      { run: 'node manage k1-{tag}' },
      { run: 'node show k1-{tag} -f json', shows: { provision_state: 'manageable', reservation: null }, until: true },
      { run: 'node set --target-raid-config \'{"logical_disks": [{"size_gb": 100, "raid_level": "1"}]}\' k1-{tag}' },
      { run: 'node show k1-{tag} -f json', shows: { target_raid_config: { logical_disks: [{ size_gb: 100, raid_level: '1' }] } } },
      { run: 'node unset --target-raid-config k1-{tag}' },
      { run: 'node adopt k1-{tag} --wait 60' },
      { run: 'node show k1-{tag} -f json', shows: { provision_state: 'active', reservation: null }, until: true },
      { run: 'node set --instance-uuid 99999999-8888-4777-8666-{tag} k1-{tag}' },
      { run: 'node show --instance 99999999-8888-4777-8666-{tag} -f json', shows: { uuid: '{second}' } },
      { run: 'node delete k1-{tag}', exit: 1 },
      { run: 'node undeploy k1-{tag}' },
      { run: 'node show k1-{tag} -f json', shows: { provision_state: 'available', reservation: null }, until: true },
      { run: 'allocation create --resource-class other-{tag} --node k1-{tag} --name back-{tag}', exit: 1 },
    ],
  },
  {
    title: 'back to nothing',
    turns: [
      { run: 'node history list j1-{tag} -f json', keep: { event: 'UUID' } },
      { run: 'node history get j1-{tag} {event} -f json', shows: { uuid: '{event}' } },
      { run: 'create {resources}' },
      { run: 'node show f1-{tag} -f json', shows: { driver: 'fake-hardware', provision_state: 'enroll' } },
      { run: 'port delete {port} {port2}', says: ['Deleted port {port}', 'Deleted port {port2}'] },
      { run: 'node manage j1-{tag}' },
      { run: 'node show j1-{tag} -f json', shows: { provision_state: 'manageable', reservation: null }, until: true },
      { run: 'node remove trait j1-{tag} --all' },
      { run: 'node delete j1-{tag} k1-{tag} f1-{tag}', says: ['Deleted node j1-{tag}', 'Deleted node k1-{tag}'] },
      { run: 'node show {node}', exit: 1, says: ['HTTP 404'] },
      { run: 'chassis delete {chassis}', says: ['Deleted chassis'] },
      { run: 'node delete {node}', exit: 1, says: ['HTTP 404'] },
    ],
  },
];
