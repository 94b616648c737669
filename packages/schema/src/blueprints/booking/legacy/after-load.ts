import { quoteLiteral } from "../../../identifier.ts";
import { SETTINGS } from "../seed.ts";

const seeded = SETTINGS.map((row) => `(${row.map((value) => quoteLiteral(value)).join(", ")})`).join(", ");
const SEED = `(values ${seeded}) as seed (key, value, type, description)`;

/** What an integer setting may be, as the blueprint's own check has it. */
const FITS_INTEGER = "settings.value ~ '^-?[0-9]{1,9}$'";

export const AFTER_LOAD: readonly string[] = [
  // What the triggers would have made of the rows, had they come one by one in the order of their ids (see 0005).
  `update users set
    booking_count = coalesce(booked.rows, 0),
    username = booked.username,
    last_activity = greatest(booked.at, noted.at, given.at)
  from users as each
  left join (
    select user_id, count(*)::integer as rows, max(created_at) as at,
      (array_agg(username order by id desc) filter (where username is not null))[1] as username
    from bookings group by user_id
  ) as booked using (user_id)
  left join (
    select user_id, max("timestamp") as at from analytics
    where event not in ('reminder_sent', 'feedback_request_sent') group by user_id
  ) as noted using (user_id)
  left join (select user_id, max("timestamp") as at from feedback group by user_id) as given using (user_id)
  where users.user_id = each.user_id`,

  // The bot's code knew the rest; here every client has all settings. Their times of change stay what they were.
  "alter table settings disable trigger settings_touch_updated_at",
  `update settings set type = seed.type, description = seed.description
  from ${SEED}
  where settings.key = seed.key and settings.type = 'text' and (seed.type <> 'integer' or ${FITS_INTEGER})`,
  "alter table settings enable trigger settings_touch_updated_at",
  `insert into settings (key, value, type, description)
  select seed.key, seed.value, seed.type, seed.description from ${SEED}
  on conflict (key) do nothing`,

  // Older files have no admins; a mapping file may name the owner.
  `insert into admins (user_id, role)
  select (owner.parameters ->> 'adminTelegramId')::bigint, 'super_admin'
  from (select nullif(current_setting('tenantry.parameters', true), '')::jsonb) as owner (parameters)
  where owner.parameters ->> 'adminTelegramId' is not null and not exists (select from admins)`,
];
