import type { AnyKysely, SeedInput } from "../../blueprint/define.ts";
import type { BookingParameters } from "./parameters.ts";

/** Key, value, type, and what the bot's settings menu says of it. */
export const SETTINGS = [
  ["work_hours_start", "9", "integer", "Начало рабочего дня (час)"],
  ["work_hours_end", "18", "integer", "Конец рабочего дня (час)"],
  ["max_bookings_per_user", "3", "integer", "Максимум активных записей у одного клиента"],
  ["cancellation_hours", "24", "integer", "За сколько часов до визита клиент ещё может отменить запись"],
  ["reminder_hours_before_24h", "24", "integer", "Первое напоминание: за сколько часов до визита"],
  ["reminder_hours_before_2h", "2", "integer", "Второе напоминание: за сколько часов до визита"],
  ["reminder_hours_before_1h", "1", "integer", "Последнее напоминание: за сколько часов до визита"],
  ["feedback_hours_after", "2", "integer", "Через сколько часов после визита просить об отзыве"],
  ["service_location", "", "text", "Адрес, по которому ждут клиентов"],
  ["calendar_max_months_ahead", "3", "integer", "На сколько месяцев вперёд открыта запись"],
] as const;

export async function seedCommon(db: AnyKysely): Promise<void> {
  await db
    .insertInto("services")
    .values({
      name: "Консультация",
      description: "Стандартная консультация",
      duration_minutes: 60,
      price: "1000.00",
      display_order: 1,
    })
    .execute();
  await db
    .insertInto("settings")
    .values(SETTINGS.map(([key, value, type, description]) => ({ key, value, type, description })))
    .execute();
}

/** The owner, who runs the bot from his own Telegram account and makes the other admins. */
export async function seedLicense(
  db: AnyKysely,
  { parameters }: SeedInput<BookingParameters>,
): Promise<void> {
  await db
    .insertInto("admins")
    .values({ user_id: parameters.adminTelegramId, role: "super_admin" })
    .execute();
}
