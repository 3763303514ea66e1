// Where a firmware's setup usually has what a machine needs. Versions differ, so it is where to look first, not checked against each manual.
// Data and one look-up, pure. For a machine that is not here the report says what to look for without a name.

export const SETTINGS = ['bootOrder', 'networkBoot', 'secureBoot', 'wakeOnLan', 'virtualization', 'iommu'] as const;
export type Setting = (typeof SETTINGS)[number];

interface Family {
  readonly title: string;
  readonly manufacturer: RegExp;
  readonly product: RegExp;
  readonly settings: Readonly<Partial<Record<Setting, string>>>;
}

/** The first that fits. */
const FAMILIES: readonly Family[] = [
  {
    title: 'Intel NUC',
    manufacturer: /intel|asus/i,
    product: /nuc/i,
    settings: {
      bootOrder: 'Boot > Boot Priority > UEFI Boot Priority',
      networkBoot: 'Boot > Boot Configuration > Network Boot: UEFI PXE & iSCSI',
      secureBoot: 'Boot > Secure Boot > Secure Boot',
      wakeOnLan: 'Power > Secondary Power Settings > Wake on LAN from S4/S5: Power On - PXE Boot',
      virtualization: 'Security > Security Features > Intel Virtualization Technology',
      iommu: 'Security > Security Features > Intel VT for Directed I/O (VT-d)',
    },
  },
  {
    title: 'Lenovo ThinkCentre',
    manufacturer: /lenovo/i,
    product: /./,
    settings: {
      bootOrder: 'Startup > Primary Boot Sequence',
      networkBoot: 'Devices > Network Setup > Boot Agent: PXE, and UEFI IPv4 Network Stack',
      secureBoot: 'Security > Secure Boot',
      wakeOnLan: 'Power > Automatic Power On > Wake on LAN: Automatic (or Primary)',
      virtualization: 'Advanced > CPU Setup > Intel(R) Virtualization Technology (AMD: SVM Support)',
      iommu: 'Advanced > CPU Setup > VT-d (AMD: IOMMU)',
    },
  },
  {
    title: 'HP EliteDesk and ProDesk',
    manufacturer: /^(hp|hewlett)/i,
    product: /elitedesk|prodesk|elite|pro mini|z2|z1/i,
    settings: {
      bootOrder: 'Advanced > Boot Options > UEFI Boot Order',
      networkBoot: 'Advanced > Boot Options > Network (PXE) Boot',
      secureBoot: 'Advanced > Secure Boot Configuration > Secure Boot',
      wakeOnLan: 'Advanced > Built-In Device Options > Wake On LAN: Boot to Network; and Power Management > S5 Maximum Power Savings: off',
      virtualization: 'Advanced > System Options > Virtualization Technology (VTx) (AMD: SVM CPU Virtualization)',
      iommu: 'Advanced > System Options > Virtualization Technology for Directed I/O (VTd)',
    },
  },
  {
    title: 'HPE ProLiant',
    manufacturer: /^(hpe?|hewlett)/i,
    product: /proliant/i,
    settings: {
      bootOrder: 'System Configuration > BIOS/Platform Configuration (RBSU) > Boot Options > UEFI Boot Settings > UEFI Boot Order',
      networkBoot: 'RBSU > Network Options > Network Boot Options',
      secureBoot: 'RBSU > Server Security > Secure Boot Settings',
      wakeOnLan: 'RBSU > Server Availability > Wake-On LAN',
      virtualization: 'RBSU > Virtualization Options > Intel(R) Virtualization Technology',
      iommu: 'RBSU > Virtualization Options > Intel(R) VT-d',
    },
  },
  {
    title: 'Dell PowerEdge',
    manufacturer: /dell/i,
    product: /poweredge/i,
    settings: {
      bootOrder: 'System BIOS > Boot Settings > UEFI Boot Settings > UEFI Boot Sequence',
      networkBoot: 'System BIOS > Network Settings > UEFI PXE Settings > PXE Device1',
      secureBoot: 'System BIOS > System Security > Secure Boot',
      wakeOnLan: 'Device Settings > the port > NIC Configuration > Wake On LAN',
      virtualization: 'System BIOS > Processor Settings > Virtualization Technology',
      iommu: 'System BIOS > Processor Settings > Virtualization Technology (AMD: IOMMU Support)',
    },
  },
  {
    title: 'Dell OptiPlex',
    manufacturer: /dell/i,
    product: /optiplex|precision|latitude|inspiron|vostro/i,
    settings: {
      bootOrder: 'General > Boot Sequence (newer: Boot Configuration > Boot Sequence)',
      networkBoot: 'System Configuration > Integrated NIC: Enabled w/PXE, and Enable UEFI Network Stack',
      secureBoot: 'Secure Boot > Secure Boot Enable',
      wakeOnLan: 'Power Management > Wake on LAN/WLAN: LAN with PXE Boot; and Deep Sleep Control: Disabled',
      virtualization: 'Virtualization Support > Virtualization',
      iommu: 'Virtualization Support > VT for Direct I/O',
    },
  },
  {
    title: 'Supermicro',
    manufacturer: /super ?micro/i,
    product: /./,
    settings: {
      bootOrder: 'Boot > FIXED BOOT ORDER Priorities > UEFI Boot Order #1',
      networkBoot: 'Advanced > Network Configuration > Network Stack, and PCIe/PCI/PnP Configuration > Onboard LAN Option ROM: EFI',
      secureBoot: 'Security > Secure Boot',
      wakeOnLan: 'its BMC switches it on: no setting is needed',
      virtualization: 'Advanced > CPU Configuration > Intel Virtualization Technology (AMD: SVM Mode)',
      iommu: 'Advanced > Chipset Configuration > North Bridge > IIO > Intel VT for Directed I/O (VT-d)',
    },
  },
  {
    title: 'AMI Aptio, as mini-PCs have it',
    manufacturer: /minisforum|micro computer|beelink|azw|geekom|gmk|acemagic|chuwi|topton|asrock|ayaneo|trigkey/i,
    product: /./,
    settings: {
      bootOrder: 'Boot > Boot Option #1 (or FIXED BOOT ORDER Priorities)',
      networkBoot: 'Advanced > Network Stack Configuration > Network Stack and IPv4 PXE Support: Enabled',
      secureBoot: 'Security > Secure Boot > Secure Boot',
      wakeOnLan: 'Advanced > Wake on LAN (or ACPI Settings > Power On By PCI-E/PCI)',
      virtualization: 'Advanced > CPU Configuration > SVM Mode (Intel: Intel (VMX) Virtualization Technology)',
      iommu: 'Advanced > AMD CBS > NBIO Common Options > IOMMU (Intel: Chipset > System Agent > VT-d)',
    },
  },
];

/** The setting's name in that machine's setup; null: nobody has written it down. */
export function settingOf(
  machine: { readonly manufacturer: string | null; readonly product: string | null },
  setting: Setting,
): string | null {
  const family = familyOf(machine);
  const path = family?.settings[setting];
  return family === undefined || path === undefined ? null : `${family.title}: ${path}`;
}

function familyOf({
  manufacturer,
  product,
}: {
  readonly manufacturer: string | null;
  readonly product: string | null;
}): Family | undefined {
  return FAMILIES.find((one) => one.manufacturer.test(manufacturer ?? '') && one.product.test(product ?? ''));
}
