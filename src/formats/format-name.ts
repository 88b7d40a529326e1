/** The names of the formats, apart from what renders them: for those who only choose one. */
export type FormatName = "json" | "sarif" | "rdjson" | "gitlab" | "checkstyle" | "text" | "github";
