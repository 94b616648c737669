/** The two versions of the booking bot's tables that are in the field, as its own migrations make them. */
export type BookingVersion = "older" | "newer";

const IN_BOTH = `
CREATE TABLE schema_migrations
                (version INTEGER PRIMARY KEY,
                 description TEXT,
                 applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE analytics (user_id INTEGER, event TEXT, data TEXT, timestamp TEXT);
CREATE TABLE feedback (user_id INTEGER, booking_id INTEGER, rating INTEGER, timestamp TEXT);
CREATE TABLE blocked_slots
            (id INTEGER PRIMARY KEY AUTOINCREMENT,
            date TEXT NOT NULL,
            time TEXT NOT NULL,
            reason TEXT,
            blocked_by INTEGER NOT NULL,
            blocked_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
            UNIQUE(date, time));
CREATE TABLE admin_sessions (user_id INTEGER PRIMARY KEY, message_id INTEGER, updated_at TEXT);
`;

const INDEXES = `
CREATE INDEX idx_bookings_date ON bookings(date, time);
CREATE INDEX idx_bookings_user ON bookings(user_id);
CREATE INDEX idx_analytics_user ON analytics(user_id, event);
CREATE UNIQUE INDEX idx_user_active_bookings ON bookings(user_id, date, time);
`;

export const BOOKING_TABLES: Readonly<Record<BookingVersion, string>> = {
  older: `${IN_BOTH}
CREATE TABLE bookings
            (id INTEGER PRIMARY KEY AUTOINCREMENT,
            date TEXT NOT NULL,
            time TEXT NOT NULL,
            user_id INTEGER NOT NULL,
            username TEXT,
            created_at TEXT NOT NULL, version INTEGER DEFAULT 1,
            UNIQUE(date, time));
CREATE TABLE users (user_id INTEGER PRIMARY KEY, first_seen TEXT NOT NULL);
${INDEXES}`,
  newer: `${IN_BOTH}
CREATE TABLE bookings
                (id INTEGER PRIMARY KEY AUTOINCREMENT,
                date TEXT, time TEXT, user_id INTEGER, username TEXT,
                created_at TEXT, service_id INTEGER DEFAULT 1,
                duration_minutes INTEGER DEFAULT 60,
                UNIQUE(date, time));
CREATE TABLE users (user_id INTEGER PRIMARY KEY, first_seen TEXT);
CREATE TABLE admins
                (user_id INTEGER PRIMARY KEY,
                username TEXT,
                added_by INTEGER,
                added_at TEXT NOT NULL,
                role TEXT DEFAULT 'moderator');
CREATE TABLE audit_log (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                admin_id INTEGER NOT NULL,
                action TEXT NOT NULL,
                target_id TEXT,
                details TEXT,
                timestamp TEXT NOT NULL
            );
CREATE TABLE settings (
                    key TEXT PRIMARY KEY,
                    value TEXT NOT NULL,
                    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
                );
CREATE TABLE work_schedule (
                    weekday INTEGER PRIMARY KEY,  -- 0=Пн, 6=Вс
                    is_working INTEGER DEFAULT 1,  -- 0=выходной, 1=рабочий
                    shift1_start TEXT,  -- HH:MM
                    shift1_end TEXT,    -- HH:MM
                    shift2_start TEXT,  -- HH:MM (опционально)
                    shift2_end TEXT,    -- HH:MM (опционально)
                    updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
                );
CREATE TABLE blocked_date_ranges (
                    id INTEGER PRIMARY KEY AUTOINCREMENT,
                    start_date TEXT NOT NULL,  -- YYYY-MM-DD
                    end_date TEXT NOT NULL,    -- YYYY-MM-DD
                    start_time TEXT,           -- HH:MM (null = весь день)
                    end_time TEXT,             -- HH:MM (null = весь день)
                    reason TEXT,
                    blocked_by INTEGER NOT NULL,
                    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                    is_recurring INTEGER DEFAULT 0  -- 1=повторяющаяся блокировка
                );
CREATE TABLE services
            (id INTEGER PRIMARY KEY AUTOINCREMENT,
             name TEXT NOT NULL,
             description TEXT,
             duration_minutes INTEGER NOT NULL,
             price TEXT,
             color TEXT DEFAULT '#4CAF50',
             is_active BOOLEAN DEFAULT 1,
             display_order INTEGER DEFAULT 0,
             created_at TEXT DEFAULT CURRENT_TIMESTAMP, slot_interval_minutes INTEGER DEFAULT 60 NOT NULL,
             UNIQUE(name));
CREATE TABLE schedule_settings
            (id INTEGER PRIMARY KEY CHECK (id = 1),
             work_hours_start INTEGER DEFAULT 9,
             work_hours_end INTEGER DEFAULT 19,
             max_bookings_per_day INTEGER DEFAULT 8,
             updated_at TEXT DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE booking_history (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                booking_id INTEGER NOT NULL,
                action TEXT NOT NULL,
                changed_by INTEGER NOT NULL,
                changed_by_type TEXT NOT NULL,
                old_date TEXT,
                old_time TEXT,
                new_date TEXT,
                new_time TEXT,
                old_service_id INTEGER,
                new_service_id INTEGER,
                reason TEXT,
                changed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
            );
CREATE TABLE text_templates (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                key TEXT UNIQUE NOT NULL,
                text_ru TEXT NOT NULL,
                text_en TEXT,
                category TEXT DEFAULT 'general',
                description TEXT,
                is_custom BOOLEAN DEFAULT 0,
                updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                updated_by INTEGER,
                FOREIGN KEY (updated_by) REFERENCES users(id)
            );
CREATE TABLE text_changes_log (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                key TEXT NOT NULL,
                old_value TEXT,
                new_value TEXT,
                changed_by INTEGER,
                changed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                FOREIGN KEY (changed_by) REFERENCES users(id)
            );
${INDEXES}`,
};

/** Which of its migrations have run in such a file. */
export const BOOKING_MIGRATIONS: Readonly<Record<BookingVersion, readonly number[]>> = {
  older: [1, 2],
  newer: [4, 6, 7, 8, 9],
};
