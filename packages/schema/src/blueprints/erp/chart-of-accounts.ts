export type AccountType = "asset" | "liability" | "equity" | "revenue" | "expense";

/** A root account and the accounts below it, as `[code, Arabic name, English name]`. */
interface AccountGroup {
  readonly code: string;
  readonly name: string;
  readonly nameEn: string;
  readonly type: AccountType;
  readonly accounts: readonly (readonly [code: string, name: string, nameEn: string])[];
}

/** What a new tenant starts with. Codes and names are those that the legacy application's customers know. */
export const CHART_OF_ACCOUNTS: readonly AccountGroup[] = [
  {
    code: "1000",
    name: "الأصول",
    nameEn: "Assets",
    type: "asset",
    accounts: [
      ["1110", "الصندوق", "Cash"],
      ["1120", "البنوك", "Banks"],
      ["1130", "العملاء", "Accounts receivable"],
      ["1140", "المخزون", "Inventory"],
      ["1150", "ضريبة المدخلات", "Input VAT"],
      ["1160", "مصروفات مدفوعة مقدمًا", "Prepaid expenses"],
      ["1200", "الأصول الثابتة", "Fixed assets"],
      ["1290", "مجمع الإهلاك", "Accumulated depreciation"],
    ],
  },
  {
    code: "2000",
    name: "الخصوم",
    nameEn: "Liabilities",
    type: "liability",
    accounts: [
      ["2110", "الموردون", "Accounts payable"],
      ["2120", "ضريبة القيمة المضافة", "VAT payable"],
      ["2130", "رواتب مستحقة", "Accrued salaries"],
      ["2140", "مصروفات مستحقة", "Accrued expenses"],
      ["2200", "قروض طويلة الأجل", "Long-term loans"],
    ],
  },
  {
    code: "3000",
    name: "حقوق الملكية",
    nameEn: "Equity",
    type: "equity",
    accounts: [
      ["3100", "رأس المال", "Capital"],
      ["3200", "أرباح مبقاة", "Retained earnings"],
      ["3300", "جاري المالك", "Owner's current account"],
    ],
  },
  {
    code: "4000",
    name: "الإيرادات",
    nameEn: "Revenue",
    type: "revenue",
    accounts: [
      ["4100", "إيرادات المبيعات", "Sales revenue"],
      ["4110", "مردودات المبيعات", "Sales returns"],
      ["4200", "خصم مسموح به", "Sales discounts"],
      ["4300", "إيرادات أخرى", "Other income"],
    ],
  },
  {
    code: "5000",
    name: "المصروفات",
    nameEn: "Expenses",
    type: "expense",
    accounts: [
      ["5100", "تكلفة البضاعة المباعة", "Cost of goods sold"],
      ["5200", "المشتريات", "Purchases"],
      ["5210", "مردودات المشتريات", "Purchase returns"],
      ["5220", "خصم مكتسب", "Purchase discounts"],
      ["5300", "الرواتب", "Salaries"],
      ["5400", "الإيجار", "Rent"],
      ["5500", "كهرباء وماء", "Utilities"],
      ["5600", "تسويق", "Marketing"],
      ["5700", "تسوية المخزون", "Stock adjustment"],
      ["5800", "الإهلاك", "Depreciation"],
      ["5900", "مصروفات أخرى", "Other expenses"],
    ],
  },
];
