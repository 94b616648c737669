import type { ValueRule } from "@tenantry/schema/legacy";
import { anythingConverter } from "./anything.ts";
import { booleanConverter } from "./boolean.ts";
import { bytesConverter } from "./bytes.ts";
import { dateConverter } from "./date.ts";
import { decimalConverter } from "./decimal.ts";
import { integerConverter } from "./integer.ts";
import { jsonConverter } from "./json.ts";
import { textConverter } from "./text.ts";
import { timeConverter } from "./time.ts";
import { timestampConverter } from "./timestamp.ts";
import { uuidConverter } from "./uuid.ts";
import type { Converter } from "./value.ts";

/**
 * The converter of a rule: from a value of SQLite to the text that PostgreSQL prints for it.
 *
 * @throws RangeError for a timestamp's zone that is none.
 */
export function ruleConverter(rule: ValueRule): Converter {
  switch (rule.kind) {
    case "text":
      return textConverter(rule.max);
    case "integer":
      return integerConverter(rule.min, rule.max);
    case "decimal":
      return decimalConverter(rule.precision, rule.scale);
    case "boolean":
      return booleanConverter;
    case "date":
      return dateConverter;
    case "time":
      return timeConverter;
    case "timestamp":
      return timestampConverter(rule.zone);
    case "uuid":
      return uuidConverter;
    case "json":
      return jsonConverter(rule.asString);
    case "bytes":
      return bytesConverter;
    case "anything":
      return anythingConverter;
  }
}
