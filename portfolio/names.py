"""Made-up names of people and companies in the languages of the templates."""

from random import Random

_FAMILY = {
    "zh-Hans": "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧",
    "zh-Hant": "陳林黃張李王吳劉蔡楊許鄭謝郭洪曾邱廖賴周徐蘇葉莊呂江何蕭羅高",
    "en": (
        "Adams Baker Carter Davies Evans Foster Grant Hughes Irving Jordan Keller Lewis Morgan Nolan Owens Parker "
        "Quinn Reyes Sutton Turner Underwood Vance Walker Young Zimmer Abbott Bishop Collins Dalton Ellis"
    ),
}
_GIVEN = {
    "zh-Hans": "伟 芳 娜 敏 静 丽 强 磊 洋 勇 艳 杰 涛 明 超 秀兰 霞 平 桂英 建华 晓东 雨桐 子涵 思远 志强 海燕",
    "zh-Hant": "志明 淑芬 俊傑 美玲 家豪 雅婷 建宏 怡君 宗翰 淑惠 冠宇 佩珊 承恩 詩涵 柏翰 宜蓁 信宏 麗華",
    "en": (
        "Alex Blake Casey Dana Elliot Frances Gail Harper Ivy Jamie Kelly Logan Morgan Noel Oakley Pat Quincy Robin "
        "Sam Taylor Uma Val Wren Xander Yael Zoe Adrian Bailey Cameron Drew"
    ),
}
_TRADE = {
    "zh-Hans": "餐饮 贸易 建材 物流 服装 电子 印刷 农业 装饰 五金 食品 广告",
    "zh-Hant": "餐飲 貿易 建材 物流 服飾 電子 印刷 農產 設計 五金 食品 廣告",
    "en": "Catering Trading Joinery Haulage Textiles Electronics Printing Nursery Interiors Hardware Bakery Signs",
}
_FORM = {"zh-Hans": "有限公司", "zh-Hant": "有限公司", "en": " Ltd"}


def _words(table: dict[str, str]) -> dict[str, list[str]]:
    return {language: text.split() if " " in text else list(text) for language, text in table.items()}


_FAMILIES, _GIVENS, _TRADES = _words(_FAMILY), _words(_GIVEN), _words(_TRADE)


def person(language: str, random: Random) -> str:
    """A made-up person."""
    family, given = random.choice(_FAMILIES[language]), random.choice(_GIVENS[language])
    return f"{given} {family}" if language == "en" else f"{family}{given}"


def company(language: str, random: Random) -> str:
    """A made-up company."""
    family, trade = random.choice(_FAMILIES[language]), random.choice(_TRADES[language])
    if language == "en":
        return f"{family} {trade}{_FORM[language]}"
    return f"{family}{random.choice(_GIVENS[language])}{trade}{_FORM[language]}"
