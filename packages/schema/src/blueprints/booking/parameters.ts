import Type from "typebox";

/** Telegram promises at most 52 significant bits (core.telegram.org/bots/api, `User.id`), which JSON numbers hold exactly. */
export const LARGEST_TELEGRAM_ID = 2 ** 52 - 1;

export interface BookingParameters {
  readonly adminTelegramId: number;
}

export const PARAMETERS = Type.Object(
  {
    adminTelegramId: Type.Integer({
      minimum: 1,
      maximum: LARGEST_TELEGRAM_ID,
      description: "Telegram id of the owner, who becomes the bot's super_admin",
    }),
  },
  { additionalProperties: false },
);
