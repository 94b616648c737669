import { type ColumnType, type Generated, type RawBuilder, sql } from "kysely";

/**
 * The tables of one client of the bot, as this application sees them; the blueprint `booking` makes them. They have no
 * schema's name in front: which client's they are is `withTenant`'s affair.
 */
export interface BookingTables {
  users: {
    user_id: TelegramId;
    username: string | null;
    first_seen: Generated<Date>;
    /** Kept by triggers, as is booking_count. */
    last_activity: Generated<Date | null>;
    booking_count: Generated<number>;
  };
  services: {
    id: Generated<number>;
    name: string;
    description: string | null;
    duration_minutes: number;
    /** Numeric comes as text, so that nothing is rounded on the way. */
    price: string | null;
    price_text: Generated<string | null>;
    is_active: Generated<boolean>;
    display_order: Generated<number>;
    slot_interval_minutes: Generated<number>;
  };
  bookings: {
    id: Generated<number>;
    date: Day;
    time: string;
    user_id: TelegramId;
    username: string | null;
    service_id: number;
    duration_minutes: number;
    created_at: Generated<Date>;
    version: Generated<number>;
  };
  booking_history: {
    booking_id: number;
    action: "create" | "reschedule" | "cancel";
    changed_by: TelegramId;
    changed_by_type: "user" | "admin";
    old_date: Day | null;
    old_time: string | null;
    new_date: Day | null;
    new_time: string | null;
    reason: string | null;
  };
  blocked_slots: {
    id: Generated<number>;
    date: Day;
    time: string;
    reason: string | null;
    blocked_by: TelegramId;
  };
  blocked_date_ranges: {
    id: Generated<number>;
    start_date: Day;
    end_date: Day;
    start_time: string | null;
    end_time: string | null;
    reason: string | null;
    blocked_by: TelegramId;
  };
  work_schedule: {
    /** 0 is Monday. */
    weekday: number;
    is_working: boolean;
    shift1_start: string | null;
    shift1_end: string | null;
    shift2_start: string | null;
    shift2_end: string | null;
  };
  calendar_exceptions: {
    id: Generated<number>;
    date: Day;
    is_working: boolean;
    start_time: string | null;
    end_time: string | null;
    reason: string | null;
  };
  settings: {
    key: string;
    value: string;
    type: "integer" | "number" | "boolean" | "text";
    description: string | null;
    updated_at: Generated<Date>;
  };
  admins: {
    user_id: TelegramId;
    username: string | null;
    added_by: TelegramId | null;
    added_at: Generated<Date>;
    role: "super_admin" | "moderator";
  };
  analytics: {
    user_id: TelegramId | null;
    event: string;
    data: ColumnType<unknown, string, string>;
    timestamp: Generated<Date>;
  };
  feedback: {
    user_id: TelegramId;
    booking_id: number | null;
    rating: number;
    timestamp: Generated<Date>;
  };
  audit_log: {
    id: Generated<number>;
    admin_id: TelegramId;
    action: string;
    target_id: string | null;
    details: ColumnType<unknown, string, string>;
    timestamp: Generated<Date>;
  };
  /** Views. */
  user_statistics: {
    user_id: TelegramId;
    username: string | null;
    booking_count: number;
    total_bookings: number;
    cancellations: number;
    average_rating: string | null;
  };
  daily_load: { date: Day; bookings: number; clients: number; minutes_booked: number };
  best_clients: { rank: number; user_id: TelegramId; username: string | null; total_bookings: number };
}

/** Up to 52 bits. The driver reads a bigint as text. */
export type TelegramId = string;

/** `YYYY-MM-DD`. The driver would make a Date of it, at midnight in this process's zone: select it through `day`. */
export type Day = string;

/** Where the clients of this bot live: their dates and times are this place's wall clock. */
export const TIME_ZONE = "Europe/Moscow";
export const wallClock: RawBuilder<Date> = sql`(now() at time zone ${TIME_ZONE})`;

/** A column of dates as `YYYY-MM-DD`. */
export const day = (column: string): RawBuilder<string> => sql`${sql.ref(column)}::text`;
/** A column of times as `HH:MM`. */
export const clock = (column: string): RawBuilder<string> => sql`to_char(${sql.ref(column)}, 'HH24:MI')`;
