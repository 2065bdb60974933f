"""The letters that captions are written with, by script."""

from __future__ import annotations

SCRIPTS: dict[str, str] = {
    "latin": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "figures": "0123456789.,:%+-/#$&@!?",
    "accented": "àáâãäåæçèéêëìíîïñòóôõöøùúûüýþßÀÉÎÕÜŽŠčěłőż",
    "greek": "αβγδεζηθικλμνξοπρστυφχψωΑΒΓΔΘΛΞΠΣΦΨΩ",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщыьэюяАБГДЖИЛФЮЯ",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשת",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "armenian": "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆ",
    "georgian": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "devanagari": "अआइईउऊएऐओऔकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसह",
    "thai": "กขคงจฉชซญดตถทธนบปผฝพฟมยรลวสหอ",
    "kana": "あいうえおかきくけこさしすせそたちつてとアイウエオカキクケコサシスセソ",
    "han": "天地人山水火木金土日月星大小中上下国語学生新東西南北春夏秋冬",
    "hangul": "가나다라마바사아자차카타파하고노도로모보소오조초",
}
